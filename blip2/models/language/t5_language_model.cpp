// The family record of T5: its configuration between JSON and values, its weights, its model.
#include "blip2/models/language/t5_language_model.h"

#include <nlohmann/json.hpp>

#include "blip2/base/json_struct.h"
#include "blip2/models/keys/common_keys.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;

/// Relative positions have no limit; this is the reference's habit.
constexpr int64_t kMaxPositions = 512;

/// Other names that transformers has for a key (`attribute_map`).
struct Alias {
  const char* name;
  const char* key;
  int64_t T5Config::* field;
};

constexpr Alias kAliases[] = {{"hidden_size", "d_model", &T5Config::d_model},
                              {"num_hidden_layers", "num_layers", &T5Config::num_layers},
                              {"num_attention_heads", "num_heads", &T5Config::num_heads},
                              {"head_dim", "d_kv", &T5Config::d_kv}};

KnownKeys t5_keys() {
  KnownKeys known{.read = field_names<T5Config>(),
                  .ignored = {"n_positions"},
                  .fixed = {{"is_encoder_decoder", "true"}, {"is_decoder", "false"}}};
  known.read = joined(std::move(known.read), {"scale_decoder_outputs", "is_gated_act"});
  for (const Alias& alias : kAliases) known.read.emplace_back(alias.name);
  return with_generation(std::move(known));
}

void read_aliases(const ConfigFields& fields, T5Config& config) {
  for (const Alias& alias : kAliases) {
    if (!fields.has(alias.name)) continue;
    const int64_t value = fields.size(alias.name, 1);
    if (fields.has(alias.key) && value != config.*alias.field) {
      fields.fail_at(alias.name, fmt::format("{}, as of {}", config.*alias.field, alias.key));
    }
    config.*alias.field = value;
  }
}

T5Config parse_t5(const ConfigFields& fields) {
  require_known_keys(fields, t5_keys());
  T5Config config;
  read_fields(fields, config);
  read_aliases(fields, config);
  if (const std::optional<bool> is_said = fields.optional_flag("is_gated_act");
      is_said && *is_said != is_gated(config)) {
    fields.fail_at("is_gated_act", fmt::format("{}, as of feed_forward_proj", !*is_said));
  }
  if (!fields.has("num_decoder_layers")) config.num_decoder_layers = config.num_layers;
  if (!fields.has("dense_act_fn")) {
    config.dense_act_fn = t5_activation_name(config.feed_forward_proj);
  }
  // transformers 5 ties in memory whatever the file says, and keeps what it said here.
  config.tie_word_embeddings = fields.flag("scale_decoder_outputs", config.tie_word_embeddings);
  config.shares_missing_output = fields.has("scale_decoder_outputs");
  refuse_bad(fields, config);
  return config;
}

LanguageModelWeights make_weights(const T5Config& config) {
  TiedNames table{"shared.weight", {}};
  if (config.tie_word_embeddings) table.others.push_back("lm_head.weight");
  table.others.push_back("encoder.embed_tokens.weight");
  table.others.push_back("decoder.embed_tokens.weight");
  std::vector<TiedNames> tied = {table};
  if (!config.tie_word_embeddings && config.shares_missing_output) {
    tied.push_back({"lm_head.weight", {"shared.weight"}});
  }
  return language_model_weights<T5LanguageModel>(make_t5(config), std::move(tied));
}

}  // namespace

LanguageModelShape t5_shape(const T5Config& config) {
  LanguageModelShape shape = language_model_shape(config, "t5", config.d_model, kMaxPositions);
  shape.make = [config] { return make_weights(config); };
  return shape;
}

std::string t5_json(const T5Config& config) {
  Json object = {{"architectures", {"T5ForConditionalGeneration"}}, {"model_type", "t5"}};
  write_fields(config, object);
  object["is_encoder_decoder"] = true;
  return object.dump(2);
}

LanguageModelFamily t5_family() {
  return {"t5", [](const ConfigFields& fields) { return t5_shape(parse_t5(fields)); }};
}

}  // namespace blip2
