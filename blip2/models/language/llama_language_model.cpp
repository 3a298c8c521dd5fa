// The family record of LLaMA: its configuration between JSON and values, its weights, its model.
#include "blip2/models/language/llama_language_model.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "blip2/base/json_struct.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;

RopeScaling parse_rope_scaling(const ConfigFields& fields) {
  RopeScaling scaling;
  const char* key = fields.has("type") ? "type" : "rope_type";
  const std::string kind = fields.text(key, "default");
  if (kind == "default") return scaling;
  if (kind != "linear" && kind != "llama3") fields.fail_at(key, "default, linear or llama3");
  scaling.kind = kind == "linear" ? RopeScaling::Kind::kLinear : RopeScaling::Kind::kLlama3;
  scaling.factor = fields.positive("factor", scaling.factor);
  scaling.low_freq_factor = fields.positive("low_freq_factor", scaling.low_freq_factor);
  scaling.high_freq_factor = fields.positive("high_freq_factor", scaling.high_freq_factor);
  scaling.original_max_position_embeddings =
      fields.size("original_max_position_embeddings", scaling.original_max_position_embeddings);
  return scaling;
}

Json format_rope_scaling(const RopeScaling& scaling) {
  if (scaling.kind == RopeScaling::Kind::kNone) return nullptr;
  Json object = {{"rope_type", "linear"}, {"factor", scaling.factor}};
  if (scaling.kind == RopeScaling::Kind::kLlama3) {
    object["rope_type"] = "llama3";
    object["low_freq_factor"] = scaling.low_freq_factor;
    object["high_freq_factor"] = scaling.high_freq_factor;
    object["original_max_position_embeddings"] = scaling.original_max_position_embeddings;
  }
  return object;
}

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
  read_llama_fields(fields, config);
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

void read_llama_fields(const ConfigFields& fields, LlamaConfig& config) {
  fields.require_text("hidden_act", "silu");
  read_fields(fields, config);
  if (!fields.has("num_key_value_heads")) config.num_key_value_heads = config.num_attention_heads;
  if (!fields.has("head_dim")) {
    config.head_dim = std::max<int64_t>(config.hidden_size / config.num_attention_heads, 1);
  }
  // transformers 5 keeps the base of the rotary frequencies in an object.
  const Json parameters = fields.object("rope_parameters");
  config.rope_theta = ConfigFields(parameters, fields.where() + ": rope_parameters")
                          .positive("rope_theta", config.rope_theta);
  const Json scaling = fields.object("rope_scaling");
  config.rope_scaling =
      parse_rope_scaling(ConfigFields(scaling, fields.where() + ": rope_scaling"));
  refuse_bad(fields, config);
}

LanguageModelShape llama_shape(const LlamaConfig& config, const char* family) {
  LanguageModelShape shape =
      language_model_shape(config, family, config.hidden_size, config.max_position_embeddings);
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
