// A T5 as the interface that the rest of the program sees, and its family record.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "blip2/models/language/encoder_decoder_language_model.h"
#include "blip2/models/language/language_model_family.h"
#include "blip2/models/language/t5.h"
#include "blip2/models/language/t5_decoder.h"

namespace blip2 {

class T5LanguageModel final : public EncoderDecoderLanguageModel {
 public:
  explicit T5LanguageModel(T5 model) : model_(std::move(model)) {}

  at::Tensor embed(const at::Tensor& ids) const override { return blip2::embed(model_, ids); }
  at::Tensor encode(const at::Tensor& rows, const Packing& packing) const override {
    return t5_encode(model_, rows, packing);
  }
  at::Tensor hidden(const at::Tensor& rows, const Packing& packing, const at::Tensor& encoded,
                    const Packing& source) const override {
    return t5_hidden(model_, rows, packing, encoded, source);
  }
  at::Tensor logits(const at::Tensor& rows) const override { return t5_logits(model_, rows); }
  /// The decoder must not outlive this.
  std::unique_ptr<Decoder> decode(const at::Tensor& embeds, const at::Tensor& mask) const override {
    return std::make_unique<T5Decoder>(model_, embeds, mask);
  }
  int64_t start_id() const override { return model_.config.decoder_start_token_id; }
  std::vector<NamedTensor> tensors() override { return named_tensors(model_); }

 private:
  T5 model_;
};

/// `t5`.
LanguageModelFamily t5_family();
/// What the family says of a configuration.
LanguageModelShape t5_shape(const T5Config& config);
/// The configuration as Hugging Face's config.json has it, every size explicit.
std::string t5_json(const T5Config& config);

}  // namespace blip2
