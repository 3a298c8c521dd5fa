#include "blip2/models/directory/families.h"

#include <utility>

#include "blip2/models/language/llama_language_model.h"
#include "blip2/models/language/opt_language_model.h"
#include "blip2/models/language/t5_language_model.h"
#include "blip2/models/names/hugging_face.h"

namespace blip2 {
namespace {

/// A size as an operand of products that may be absurd.
double d(int64_t size) { return static_cast<double>(size); }

VisionWeights make_weights(const EfficientNetConfig& config) { return make_efficientnet(config); }
VisionWeights make_weights(const VitConfig& config) { return make_vit(config); }
LanguageWeights make_weights(const LlamaConfig& config) { return make_llama(config); }
LanguageWeights make_weights(const OptConfig& config) { return make_opt(config); }
LanguageWeights make_weights(const T5Config& config) { return make_t5(config); }

std::unique_ptr<ImageEncoder> wrap(EfficientNet model) {
  return std::make_unique<EfficientNetEncoder>(std::move(model));
}
std::unique_ptr<ImageEncoder> wrap(Vit model) {
  return std::make_unique<VitEncoder>(std::move(model));
}
std::unique_ptr<LanguageModel> wrap(Llama model) {
  return std::make_unique<LlamaLanguageModel>(std::move(model));
}
std::unique_ptr<LanguageModel> wrap(Opt model) {
  return std::make_unique<OptLanguageModel>(std::move(model));
}
std::unique_ptr<LanguageModel> wrap(T5 model) {
  return std::make_unique<T5LanguageModel>(std::move(model));
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

double claimed(const VitConfig& config) {
  const double patches = d(config.image_size) / d(config.patch_size);
  return d(config.num_hidden_layers) * d(config.hidden_size) *
             (4 * d(config.hidden_size) + 2 * d(config.intermediate_size)) +
         d(config.hidden_size) *
             (3 * d(config.patch_size) * d(config.patch_size) + patches * patches);
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

double claimed(const OptConfig& config) {
  return d(config.num_hidden_layers) * d(config.hidden_size) *
             (4 * d(config.hidden_size) + 2 * d(config.ffn_dim)) +
         d(config.vocab_size) * d(config.word_embed_proj_dim) *
             (config.tie_word_embeddings ? 1 : 2) +
         d(config.max_position_embeddings) * d(config.hidden_size);
}

double claimed(const T5Config& config) {
  const double attention = 4 * d(config.d_model) * d(config.num_heads) * d(config.d_kv);
  const double mlp = (is_gated(config) ? 3 : 2) * d(config.d_model) * d(config.d_ff);
  return d(config.num_layers) * (attention + mlp) +
         d(config.num_decoder_layers) * (2 * attention + mlp) +
         d(config.vocab_size) * d(config.d_model) * (config.tie_word_embeddings ? 1 : 2);
}

int64_t width(const EfficientNetConfig& config) { return config.head_width; }
int64_t width(const VitConfig& config) { return config.hidden_size; }
int64_t width(const LlamaConfig& config) { return config.hidden_size; }
int64_t width(const OptConfig& config) { return config.word_embed_proj_dim; }
int64_t width(const T5Config& config) { return config.d_model; }

int64_t positions(const LlamaConfig& config) { return config.max_position_embeddings; }
int64_t positions(const OptConfig& config) { return config.max_position_embeddings; }
int64_t positions(const T5Config&) { return 512; }

const char* name(const EfficientNetConfig&) { return "efficientnet_lite"; }
const char* name(const VitConfig& config) {
  return config.layout == VitLayout::kClip ? "clip_vision_model" : "blip_2_vision_model";
}
const char* name(const LlamaConfig&) { return "llama"; }
const char* name(const OptConfig&) { return "opt"; }
const char* name(const T5Config&) { return "t5"; }

using Sizes = std::vector<std::pair<std::string, int64_t>>;

/// Every whole number of a configuration that is no id.
template <typename Config>
Sizes whole_numbers(Config config) {
  Sizes sizes;
  visit(config, [&](const char* field, const auto& value, const char*) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, int64_t>) {
      if (!std::string_view(field).ends_with("_id")) sizes.emplace_back(field, value);
    }
  });
  return sizes;
}

Sizes sizes(const EfficientNetConfig& config) {
  return {{"hidden_size", config.head_width},
          {"image_size", config.image_size},
          {"num_classes", config.num_classes}};
}
template <typename Config>
Sizes sizes(const Config& config) {
  return whole_numbers(config);
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

std::unique_ptr<LanguageModel> make_language_model(LanguageWeights weights) {
  return std::visit([](auto&& known) { return wrap(std::move(known)); }, std::move(weights));
}

int64_t width_of(const VisionConfig& config) {
  return std::visit([](const auto& known) { return width(known); }, config);
}

int64_t width_of(const LanguageConfig& config) {
  return std::visit([](const auto& known) { return width(known); }, config);
}

int64_t max_positions(const LanguageConfig& config) {
  return std::visit([](const auto& known) { return positions(known); }, config);
}

int64_t vocab_size(const LanguageConfig& config) {
  return std::visit([](const auto& known) { return known.vocab_size; }, config);
}

std::vector<Slot> language_slots(LanguageWeights& weights, const LanguageConfig& config,
                                 const std::string& prefix) {
  std::vector<std::string> copies;
  if (std::visit([](const auto& known) { return known.tie_word_embeddings; }, config)) {
    copies.push_back(prefix + "lm_head.weight");
  }
  if (std::holds_alternative<T5Config>(config)) {
    copies.push_back(prefix + "encoder.embed_tokens.weight");
    copies.push_back(prefix + "decoder.embed_tokens.weight");
  }
  std::vector<Slot> slots = prefixed_slots(weight_tensors(weights), prefix);
  for (Slot& slot : slots) {
    const bool is_table =
        slot.name == prefix + "shared.weight" || slot.name.ends_with("embed_tokens.weight");
    if (is_table) slot.alternatives = copies;
  }
  return slots;
}

std::string family_name(const VisionConfig& config) {
  return std::visit([](const auto& known) { return std::string(name(known)); }, config);
}

std::string family_name(const LanguageConfig& config) {
  return std::visit([](const auto& known) { return std::string(name(known)); }, config);
}

std::vector<std::pair<std::string, int64_t>> sizes_of(const VisionConfig& config) {
  return std::visit([](const auto& known) { return sizes(known); }, config);
}

std::vector<std::pair<std::string, int64_t>> sizes_of(const LanguageConfig& config) {
  return std::visit([](const auto& known) { return sizes(known); }, config);
}

double claimed_parameters(const VisionConfig& config) {
  return std::visit([](const auto& known) { return claimed(known); }, config);
}

double claimed_parameters(const LanguageConfig& config) {
  return std::visit([](const auto& known) { return claimed(known); }, config);
}

double claimed_parameters(const BlipTextConfig& config) {
  return d(config.num_hidden_layers) * d(config.hidden_size) *
             (6 * d(config.hidden_size) + 2 * d(config.encoder_hidden_size) +
              2 * d(config.intermediate_size)) +
         d(config.hidden_size) * d(config.vocab_size + config.max_position_embeddings);
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
