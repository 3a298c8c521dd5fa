// Loading a Stage1 or a Stage2, and making one out of the other.
#include "blip2/models/directory/trained_part.h"

#include <ATen/core/grad_mode.h>

#include <map>

#include "blip2/base/error.h"
#include "blip2/base/shape_text.h"
#include "blip2/models/directory/claims.h"
#include "blip2/models/directory/part_names.h"
#include "blip2/models/names/hugging_face.h"

namespace blip2 {
namespace {

LoadOptions load_options(Storage storage) {
  return {.copy = storage == Storage::kOwned,
          .check_finite = true,  // it is small beside the frozen parts
          .ignore_unused = {"vision_model.**", "language_model.**", "**.position_ids"}};
}

}  // namespace

Stage1Config stage1_config(const Blip2Config& config) {
  return {.qformer = config.qformer,
          .embed_dim = config.image_text_hidden_size,
          .image_norm_eps = config.image_norm_eps};
}

std::vector<Slot> stage1_slots(Stage1& model, const TensorSource& source) {
  std::vector<Slot> slots =
      slots_by(trained_names(DirectoryKind::kStage1), named_tensors(model), source);
  bool has_head = false;
  for (const TensorInfo& info : source.infos()) {
    has_head = has_head || info.name.starts_with("cls.predictions.");
  }
  for (Slot& slot : slots) {
    slot.optional = slot.name == "temp" || (!has_head && slot.name.starts_with("cls."));
  }
  return slots;
}

void fill_optional(Stage1& model) {
  const at::NoGradGuard no_grad;
  Random random(0, "missing language-modelling head");
  initialise(model.lm_head, model.config.qformer.initializer_range, random);
  model.temperature.fill_(0.07);
}

Stage1 load_stage1(const Blip2Config& config, const TensorSource& source, Storage storage) {
  const at::NoGradGuard no_grad;
  const ParameterBudget budget = claimable(source);
  Stage1 model = make_stage1(stage1_config(config));
  fill_optional(model);
  load(source, stage1_slots(model, source), load_options(storage));
  return model;
}

Stage2 load_stage2(const Blip2Config& config, const TensorSource& source, int64_t language_width,
                   Storage storage) {
  const bool is_instruct = config.kind == DirectoryKind::kInstruct;
  const TextSide text = is_instruct ? TextSide::kPresent : TextSide::kAbsent;
  const ParameterBudget budget = claimable(source);
  Stage2 model = make_stage2(config.qformer, config.image_norm_eps, language_width, text);
  load(source, slots_by(trained_names(config.kind), named_tensors(model), source),
       load_options(storage));
  return model;
}

namespace {

/// Copies what `target` has a tensor for, by name. Returns how many that were.
size_t copy_by_name(const std::vector<NamedTensor>& source, Stage2& target) {
  std::map<std::string, at::Tensor> tensors;
  for (const NamedTensor& named : source) tensors[named.name] = *named.tensor;
  size_t copied = 0;
  for (const NamedTensor& named : named_tensors(target)) {
    const auto found = tensors.find(named.name);
    if (found == tensors.end()) continue;
    if (found->second.sizes() != named.tensor->sizes()) {
      fail(ErrorCode::kInvalidArgument, "Q-Former: {}: expected {}, found {}", named.name,
           shape_text(named.tensor->sizes().vec()), shape_text(found->second.sizes().vec()));
    }
    named.tensor->copy_(found->second);
    ++copied;
  }
  return copied;
}

}  // namespace

Stage2 stage2_from(const Stage1& model, int64_t language_width, TextSide text) {
  const at::NoGradGuard no_grad;
  Stage1 source = model;  // the same tensors
  Stage2 result =
      make_stage2(model.config.qformer, model.config.image_norm_eps, language_width, text);
  copy_by_name(named_tensors(source), result);
  return result;
}

Stage2 with_text_side(const Stage2& model, const Stage1& text) {
  const at::NoGradGuard no_grad;
  Stage2 whole = stage2_from(text, model.language_projection.weight.size(0), TextSide::kPresent);
  Stage2 source = model;  // the same tensors
  if (copy_by_name(named_tensors(source), whole) != named_tensors(source).size()) {
    fail(ErrorCode::kInvalidArgument,
         "Q-Former: the model that the text side comes from has fewer layers");
  }
  whole.image_norm.eps = model.image_norm.eps;
  return whole;
}

}  // namespace blip2
