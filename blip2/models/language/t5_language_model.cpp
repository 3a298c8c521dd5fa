// The family record of T5: its configuration between JSON and values, its weights, its model.
#include "blip2/models/language/t5_language_model.h"

#include <nlohmann/json.hpp>

#include "blip2/base/json_struct.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;

/// Relative positions have no limit; this is the reference's habit.
constexpr int64_t kMaxPositions = 512;

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

LanguageModelWeights make_weights(const T5Config& config) {
  TiedNames table{"shared.weight", {}};
  if (config.tie_word_embeddings) table.others.push_back("lm_head.weight");
  table.others.push_back("encoder.embed_tokens.weight");
  table.others.push_back("decoder.embed_tokens.weight");
  return language_model_weights<T5LanguageModel>(make_t5(config), {table});
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
