#include "blip2/models/families.h"

#include <utility>

#include "blip2/models/language/llama_language_model.h"

namespace blip2 {
namespace {

VisionWeights make_weights(const EfficientNetConfig& config) { return make_efficientnet(config); }
LanguageWeights make_weights(const LlamaConfig& config) { return make_llama(config); }

std::unique_ptr<ImageEncoder> wrap(EfficientNet model) {
  return std::make_unique<EfficientNetEncoder>(std::move(model));
}
std::unique_ptr<CausalLanguageModel> wrap(Llama model) {
  return std::make_unique<LlamaLanguageModel>(std::move(model));
}

double claimed(const EfficientNetConfig& config) {
  double total = 0, width = static_cast<double>(config.stem_width);
  for (const EfficientNetStage& stage : config.stages) {
    const double out = static_cast<double>(stage.width);
    const double kernel = static_cast<double>(stage.kernel * stage.kernel);
    for (int64_t i = 0; i < stage.repeats && total < 1e15; ++i) {
      const double inner = width * static_cast<double>(stage.expansion);
      total += inner * ((stage.expansion == 1 ? 0 : width) + kernel + out);
      width = out;
    }
  }
  return total +
         static_cast<double>(config.head_width) * (width + static_cast<double>(config.num_classes));
}

double claimed(const LlamaConfig& config) {
  const double width = static_cast<double>(config.hidden_size);
  const double heads = static_cast<double>(config.num_attention_heads);
  const double key_heads = static_cast<double>(config.num_key_value_heads);
  const double layer = width * static_cast<double>(config.head_dim) * 2 * (heads + key_heads) +
                       3 * width * static_cast<double>(config.intermediate_size);
  return width * static_cast<double>(config.vocab_size) * (config.tie_word_embeddings ? 1 : 2) +
         layer * static_cast<double>(config.num_hidden_layers);
}

}  // namespace

VisionWeights make_vision_weights(const VisionConfig& config) {
  return std::visit([](const auto& known) { return make_weights(known); }, config);
}

LanguageWeights make_language_weights(const LanguageConfig& config) {
  return std::visit([](const auto& known) { return make_weights(known); }, config);
}

std::vector<NamedTensor> weight_tensors(VisionWeights& weights) {
  return std::visit([](auto& known) { return named_tensors(known); }, weights);
}

std::vector<NamedTensor> weight_tensors(LanguageWeights& weights) {
  return std::visit([](auto& known) { return named_tensors(known); }, weights);
}

std::unique_ptr<ImageEncoder> make_image_encoder(VisionWeights weights) {
  return std::visit([](auto&& known) { return wrap(std::move(known)); }, std::move(weights));
}

std::unique_ptr<CausalLanguageModel> make_language_model(LanguageWeights weights) {
  return std::visit([](auto&& known) { return wrap(std::move(known)); }, std::move(weights));
}

int64_t width_of(const VisionConfig& config) {
  return std::get<EfficientNetConfig>(config).head_width;
}

int64_t width_of(const LanguageConfig& config) {
  return std::visit([](const auto& known) { return known.hidden_size; }, config);
}

int64_t max_positions(const LanguageConfig& config) {
  return std::visit([](const auto& known) { return known.max_position_embeddings; }, config);
}

int64_t vocab_size(const LanguageConfig& config) {
  return std::visit([](const auto& known) { return known.vocab_size; }, config);
}

bool ties_output(const LanguageConfig& config) {
  return std::visit([](const auto& known) { return known.tie_word_embeddings; }, config);
}

double claimed_parameters(const VisionConfig& config) {
  return std::visit([](const auto& known) { return claimed(known); }, config);
}

double claimed_parameters(const LanguageConfig& config) {
  return std::visit([](const auto& known) { return claimed(known); }, config);
}

double claimed_bert_parameters(const QFormerConfig& config) {
  const double width = static_cast<double>(config.hidden_size);
  return static_cast<double>(config.num_hidden_layers) *
             (4 * width * width + 2 * width * static_cast<double>(config.intermediate_size)) +
         width * static_cast<double>(config.vocab_size + config.max_position_embeddings);
}

double claimed_parameters(const QFormerConfig& config, TextSide text) {
  const double width = static_cast<double>(config.hidden_size);
  const double layers = static_cast<double>(config.num_hidden_layers);
  const double crossed = layers / static_cast<double>(config.cross_attention_frequency);
  const double feed_forward = 2 * width * static_cast<double>(config.intermediate_size);
  const double shared =
      layers * (4 * width * width + feed_forward) +
      width * static_cast<double>(config.num_query_tokens) +
      crossed * 2 * width * (width + static_cast<double>(config.encoder_hidden_size));
  if (text == TextSide::kAbsent) return shared;
  return shared + layers * feed_forward +
         width * static_cast<double>(config.vocab_size + config.max_position_embeddings);
}

}  // namespace blip2
