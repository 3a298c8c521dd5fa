// An OPT as the interface that the rest of the program sees, and its family record.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "blip2/models/language/causal_language_model.h"
#include "blip2/models/language/language_model_family.h"
#include "blip2/models/language/opt.h"

namespace blip2 {

/// Dl is OPT's `word_embed_proj_dim`.
class OptLanguageModel final : public CausalLanguageModel {
 public:
  explicit OptLanguageModel(Opt model) : model_(std::move(model)) {}

  at::Tensor embed(const at::Tensor& ids) const override { return blip2::embed(model_, ids); }
  at::Tensor hidden(const at::Tensor& rows, const Packing& packing) const override {
    return opt_hidden(model_, rows, packing);
  }
  at::Tensor logits(const at::Tensor& rows) const override { return opt_logits(model_, rows); }
  /// The decoder must not outlive this.
  std::unique_ptr<Decoder> decode(const at::Tensor& embeds, const at::Tensor& mask) const override {
    return std::make_unique<OptDecoder>(model_, embeds, mask);
  }
  std::vector<NamedTensor> tensors() override { return named_tensors(model_); }

 private:
  Opt model_;
};

/// `opt`.
LanguageModelFamily opt_family();
/// What the family says of a configuration.
LanguageModelShape opt_shape(const OptConfig& config);
/// The configuration as Hugging Face's config.json has it, every size explicit.
std::string opt_json(const OptConfig& config);

}  // namespace blip2
