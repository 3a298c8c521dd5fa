// A LLaMA as the interface that the rest of the program sees, and its family record.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "blip2/models/keys/known_keys.h"
#include "blip2/models/language/causal_language_model.h"
#include "blip2/models/language/language_model_family.h"
#include "blip2/models/language/llama.h"

namespace blip2 {

class LlamaLanguageModel final : public CausalLanguageModel {
 public:
  explicit LlamaLanguageModel(Llama model) : model_(std::move(model)) {}

  at::Tensor embed(const at::Tensor& ids) const override { return blip2::embed(model_, ids); }
  at::Tensor hidden(const at::Tensor& rows, const Packing& packing) const override {
    return llama_hidden(model_, rows, packing);
  }
  at::Tensor logits(const at::Tensor& rows) const override { return llama_logits(model_, rows); }
  /// The decoder must not outlive this.
  std::unique_ptr<Decoder> decode(const at::Tensor& embeds, const at::Tensor& mask) const override {
    return std::make_unique<LlamaDecoder>(model_, embeds, mask);
  }
  std::vector<NamedTensor> tensors() override { return named_tensors(model_); }

 private:
  Llama model_;
};

/// `llama`.
LanguageModelFamily llama_family();
/// What `family`, LLaMA or one that shares its net, says of a configuration.
LanguageModelShape llama_shape(const LlamaConfig& config, const char* family = "llama");
/// Reads a config.json over `config`, which holds the family's defaults; `more`: what it may hold
/// besides LLaMA's keys. Throws kCorruptData, and kUnsupported for an activation, a scaling of the
/// positions or a key that is not known.
void read_llama_fields(const ConfigFields& fields, LlamaConfig& config, KnownKeys more);
/// The configuration as Hugging Face's config.json has it, every size explicit.
std::string llama_json(const LlamaConfig& config);

}  // namespace blip2
