// The family record of OPT: its configuration between JSON and values, its weights, its model.
#include "blip2/models/language/opt_language_model.h"

#include <nlohmann/json.hpp>

#include "blip2/base/json_struct.h"
#include "blip2/models/keys/common_keys.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;

OptConfig parse_opt(const ConfigFields& fields) {
  require_known_keys(fields, with_generation({.read = field_names<OptConfig>(),
                                              .ignored = {},
                                              .fixed = {{"layer_norm_elementwise_affine", "true"},
                                                        {"learned_embeddings", "true"},
                                                        {"scale_embeddings", "false"},
                                                        {"is_encoder_decoder", "false"}}}));
  OptConfig config;
  read_fields(fields, config);
  if (!fields.has("word_embed_proj_dim")) config.word_embed_proj_dim = config.hidden_size;
  refuse_bad(fields, config);
  return config;
}

LanguageModelWeights make_weights(const OptConfig& config) {
  std::vector<TiedNames> tied;
  if (config.tie_word_embeddings) {
    tied.push_back({"model.decoder.embed_tokens.weight", {"lm_head.weight"}});
  }
  return language_model_weights<OptLanguageModel>(make_opt(config), tied);
}

}  // namespace

LanguageModelShape opt_shape(const OptConfig& config) {
  LanguageModelShape shape = language_model_shape(config, "opt", config.word_embed_proj_dim,
                                                  config.max_position_embeddings);
  shape.caption_end = CaptionEnd::kLineFeed;
  shape.make = [config] { return make_weights(config); };
  return shape;
}

std::string opt_json(const OptConfig& config) {
  Json object = {{"architectures", {"OPTForCausalLM"}}, {"model_type", "opt"}};
  write_fields(config, object);
  return object.dump(2);
}

LanguageModelFamily opt_family() {
  return {"opt", [](const ConfigFields& fields) { return opt_shape(parse_opt(fields)); }};
}

}  // namespace blip2
