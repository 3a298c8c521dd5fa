// Questions that are asked of any bundle.
#include "blip2/models/bundle.h"

#include <ATen/core/grad_mode.h>

#include "blip2/base/error.h"

namespace blip2 {

bool is_instruct(const Bundle& bundle) {
  return bundle.stage2 && bundle.stage2->qformer.word_embeddings.has_value();
}

at::Tensor encode_images(const Bundle& bundle, const at::Tensor& pixels) {
  const at::NoGradGuard no_grad;
  return bundle.image_encoder->encode(pixels);
}

at::Tensor norm_images(const Bundle& bundle, const at::Tensor& image_embeds) {
  const at::NoGradGuard no_grad;
  return bundle.image_norm == nullptr ? image_embeds : apply(*bundle.image_norm, image_embeds);
}

bool can_write(const Bundle& bundle) { return bundle.writer != nullptr; }

bool can_be_prompted(const Bundle& bundle) {
  return can_write(bundle) && bundle.writer->facts().prompting != Prompting::kNone;
}

StartedTexts start_writing(const Bundle& bundle, const at::Tensor& image_embeds,
                           const std::vector<Prompt>& prompts) {
  const at::NoGradGuard no_grad;
  BLIP2_CHECK(!prompts.empty());
  if (!can_write(bundle)) {
    fail(ErrorCode::kUnsupported, "this model has no part that writes texts");
  }
  return bundle.writer->start(image_embeds, prompts);
}

const CausalLanguageModel& causal_language_model(const Bundle& bundle) {
  const auto* causal = dynamic_cast<const CausalLanguageModel*>(bundle.language_model.get());
  if (causal == nullptr) {
    fail(ErrorCode::kUnsupported, "expected a model with a decoder-only language model");
  }
  return *causal;
}

int64_t caption_end_id(const Bundle& bundle) {
  BLIP2_CHECK(bundle.text_tokenizer != nullptr);
  if (bundle.caption_end == CaptionEnd::kLineFeed) {
    const std::vector<int64_t> ids = bundle.text_tokenizer->encode("\n", Specials::kWithout);
    if (!ids.empty()) return ids.back();
  }
  return bundle.text_tokenizer->special_ids().eos;
}

}  // namespace blip2
