// How the parts of a model directory name their tensors in its weights.
#include "blip2/models/directory/part_names.h"

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
