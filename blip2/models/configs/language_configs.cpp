// The configurations of language models, between JSON and values.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/quote.h"
#include "blip2/models/configs/bundle_config.h"
#include "blip2/models/configs/config_fields.h"

namespace blip2 {

using json = nlohmann::ordered_json;  // files keep their order

namespace {

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

json format_rope_scaling(const RopeScaling& scaling) {
  if (scaling.kind == RopeScaling::Kind::kNone) return nullptr;
  json object = {{"rope_type", "linear"}, {"factor", scaling.factor}};
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
  fields.require_text("hidden_act", "silu");
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
  read_fields(fields, config);
  if (!fields.has("num_key_value_heads")) config.num_key_value_heads = config.num_attention_heads;
  if (!fields.has("head_dim")) {
    config.head_dim = std::max<int64_t>(config.hidden_size / config.num_attention_heads, 1);
  }
  // transformers 5 keeps the base of the rotary frequencies in an object.
  const json parameters = fields.object("rope_parameters");
  config.rope_theta = ConfigFields(parameters, fields.where() + ": rope_parameters")
                          .positive("rope_theta", config.rope_theta);
  const json scaling = fields.object("rope_scaling");
  config.rope_scaling =
      parse_rope_scaling(ConfigFields(scaling, fields.where() + ": rope_scaling"));
  refuse_bad(fields, config);
  return config;
}

OptConfig parse_opt(const ConfigFields& fields) {
  fields.require_flag("layer_norm_elementwise_affine", true);
  OptConfig config;
  read_fields(fields, config);
  if (!fields.has("word_embed_proj_dim")) config.word_embed_proj_dim = config.hidden_size;
  refuse_bad(fields, config);
  return config;
}

T5Config parse_t5(const ConfigFields& fields) {
  T5Config config;
  read_fields(fields, config);
  if (!fields.has("num_decoder_layers")) config.num_decoder_layers = config.num_layers;
  if (!fields.has("dense_act_fn")) {
    config.dense_act_fn = t5_activation_name(config.feed_forward_proj);
  }
  // transformers 5 ties in memory whatever the file says, and keeps what it said here.
  config.tie_word_embeddings = fields.flag("scale_decoder_outputs", config.tie_word_embeddings);
  refuse_bad(fields, config);
  return config;
}

/// The end tokens that a file names, one or several, must be words.
void check_end_tokens(const ConfigFields& fields, int64_t num_words) {
  const json* value = fields.find("eos_token_id");
  if (value == nullptr) return;
  const json ids = value->is_array() ? *value : json::array({*value});
  const bool are_words = std::all_of(ids.begin(), ids.end(), [&](const json& id) {
    return id.is_number_integer() && id >= 0 && id < num_words;
  });
  if (!are_words) {
    fields.fail_at("eos_token_id", fmt::format("ids from 0 to {}", num_words - 1));
  }
}

/// Every field by its name; ids below 0 are none.
template <typename Config>
json to_json(Config config, const char* architecture, const char* type) {
  json object = {{"architectures", {architecture}}, {"model_type", type}};
  visit(config, [&](const char* name, const auto& value, const char*) { object[name] = value; });
  for (const auto& [name, value] : object.items()) {
    if (name.ends_with("_token_id") && value == -1) object[name] = nullptr;
  }
  object["torch_dtype"] = "float32";
  return object;
}

std::string format(const LlamaConfig& config) {
  json object = to_json(config, "LlamaForCausalLM", "llama");
  object["hidden_act"] = "silu";
  object["rope_scaling"] = format_rope_scaling(config.rope_scaling);
  return object.dump(2);
}

std::string format(const OptConfig& config) {
  return to_json(config, "OPTForCausalLM", "opt").dump(2);
}

std::string format(const T5Config& config) {
  json object = to_json(config, "T5ForConditionalGeneration", "t5");
  object["is_encoder_decoder"] = true;
  return object.dump(2);
}

std::string with_field(std::string_view language_json, const char* name, const json& value) {
  json object = json::parse(language_json);
  object[name] = value;
  return object.dump(2);
}

}  // namespace

LanguageConfig parse_language(std::string_view text, const std::string& where) {
  const json object = parse_json_object<json>(text, where);
  const ConfigFields fields(object, where);
  const std::string type = fields.text("model_type", "opt");
  const auto checked = [&](auto config) {
    check_end_tokens(fields, config.vocab_size);
    return config;
  };
  if (type == "llama") return checked(parse_llama(fields));
  if (type == "opt") return checked(parse_opt(fields));
  if (type == "t5") return checked(parse_t5(fields));
  fail(ErrorCode::kUnsupported, "{}: model_type: expected llama, opt or t5, found {}", where,
       quote(type));
}

std::string format_language(const LanguageConfig& config) {
  return std::visit([](const auto& known) { return format(known); }, config);
}

std::string with_dtype(std::string_view language_json, const std::string& dtype) {
  return with_field(language_json, "torch_dtype", dtype);
}

std::string with_exact_gelu(std::string_view language_json) {
  return with_field(language_json, "dense_act_fn", "gelu");
}

std::string with_end_token(std::string_view language_json, int64_t id) {
  return with_field(language_json, "eos_token_id", id);
}

}  // namespace blip2
