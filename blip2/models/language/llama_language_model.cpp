// The family record of LLaMA: its configuration between JSON and values, its weights, its model.
#include "blip2/models/language/llama_language_model.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "blip2/base/json_struct.h"
#include "blip2/models/keys/common_keys.h"
#include "blip2/models/language/rope.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;

/// Hugging Face's defaults differ from ours, which are SmolLM2's.
LlamaConfig parse_llama(const ConfigFields& fields) {
  LlamaConfig config;
  config.hidden_size = 4096;
  config.intermediate_size = 11008;
  config.num_hidden_layers = 32;
  config.num_attention_heads = 32;
  config.rope_theta = 10000.0;
  config.rms_norm_eps = 1e-6;
  config.vocab_size = 32000;
  config.max_position_embeddings = 2048;
  config.tie_word_embeddings = false;
  config.pad_token_id = -1;
  read_llama_fields(fields, config, {.ignored = {"is_llama_config", "max_sequence_length"}});
  return config;
}

LanguageModelWeights make_weights(const LlamaConfig& config) {
  std::vector<TiedNames> tied;
  if (config.tie_word_embeddings) {
    tied.push_back({"model.embed_tokens.weight", {"lm_head.weight"}});
  }
  return language_model_weights<LlamaLanguageModel>(make_llama(config), tied);
}

}  // namespace

void read_llama_fields(const ConfigFields& fields, LlamaConfig& config, KnownKeys more) {
  more.read = joined(std::move(more.read), field_names<LlamaConfig>());
  more.read = joined(std::move(more.read), rope_keys());
  more.read.emplace_back("hidden_act");
  more.fixed.push_back({"is_encoder_decoder", "false"});
  more.fixed.push_back({"rope_interleaved", "false"});
  require_known_keys(fields, with_generation(std::move(more)));
  fields.require_text("hidden_act", "silu");
  const double default_theta = config.rope_theta;
  read_fields(fields, config);
  if (!fields.has("num_key_value_heads")) config.num_key_value_heads = config.num_attention_heads;
  if (!fields.has("head_dim")) {
    config.head_dim = std::max<int64_t>(config.hidden_size / config.num_attention_heads, 1);
  }
  const Rope rope = parse_rope(fields, default_theta, config.max_position_embeddings);
  config.rope_theta = rope.theta;
  config.rope_scaling = rope.scaling;
  refuse_bad(fields, config);
}

LanguageModelShape llama_shape(const LlamaConfig& config, const char* family) {
  LanguageModelShape shape =
      language_model_shape(config, family, config.hidden_size, config.max_position_embeddings);
  shape.positions_go_on = true;
  shape.make = [config] { return make_weights(config); };
  return shape;
}

std::string llama_json(const LlamaConfig& config) {
  Json object = {{"architectures", {"LlamaForCausalLM"}}, {"model_type", "llama"}};
  write_fields(config, object);
  object["hidden_act"] = "silu";
  object["rope_scaling"] = format_rope_scaling(config.rope_scaling);
  return object.dump(2);
}

LanguageModelFamily llama_family() {
  return {"llama", [](const ConfigFields& fields) { return llama_shape(parse_llama(fields)); }};
}

}  // namespace blip2
