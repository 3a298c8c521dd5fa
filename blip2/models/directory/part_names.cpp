// How the parts of a model directory name their tensors in its weights.
#include "blip2/models/directory/part_names.h"

#include <string>
#include <string_view>

#include "blip2/base/error.h"
#include "blip2/models/names/hugging_face.h"

namespace blip2 {

PartNames image_encoder_names() { return {.prefix = kVisionPrefix}; }

PartNames language_model_names() { return {.prefix = kLanguagePrefix}; }

PartNames trained_names(DirectoryKind kind) {
  if (kind == DirectoryKind::kStage1) return {.table = &stage1_names()};
  return {.table = kind == DirectoryKind::kInstruct ? &instruct_names() : &stage2_names()};
}

std::vector<Slot> slots_by(const PartNames& names, const std::vector<NamedTensor>& tensors,
                           const TensorSource& source) {
  if (names.table == nullptr) return prefixed_slots(tensors, names.prefix);
  return named_slots(tensors, *names.table, source);
}

std::vector<Slot> image_encoder_slots(const PartNames& names,
                                      const std::vector<NamedTensor>& tensors,
                                      const TensorSource& source) {
  constexpr std::string_view kInner = "vision_model.";
  std::vector<Slot> slots = slots_by(names, tensors, source);
  for (Slot& slot : slots) {
    const std::string name = slot.name.substr(names.prefix.size());
    slot.alternatives.push_back(names.prefix + (name.starts_with(kInner)
                                                    ? name.substr(kInner.size())
                                                    : std::string(kInner) + name));
  }
  return slots;
}

std::vector<Slot> language_model_slots(const LanguageModelWeights& weights, const PartNames& names,
                                       const TensorSource& source) {
  std::vector<Slot> slots = slots_by(names, weights.tensors, source);
  for (const TiedNames& tied : weights.tied) {
    for (Slot& slot : slots) {
      if (slot.name != names.prefix + tied.name) continue;
      for (const std::string& other : tied.others) {
        slot.alternatives.push_back(names.prefix + other);
      }
    }
  }
  return slots;
}

std::vector<StoredTensor> stored_by(const PartNames& names,
                                    const std::vector<NamedTensor>& tensors) {
  std::vector<StoredTensor> stored;
  for (const NamedTensor& named : tensors) {
    std::string name = names.prefix + named.name;
    if (names.table != nullptr) {
      const auto theirs = names.table->to_theirs(named.name);
      BLIP2_CHECK(theirs.has_value());
      name = *theirs;
    }
    stored.push_back({std::move(name), named.tensor->detach()});
  }
  return stored;
}

}  // namespace blip2
