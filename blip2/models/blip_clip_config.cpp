// The config.json of a BLIP-1 and of a CLIP directory.
#include <nlohmann/json.hpp>

#include "blip2/models/bundle_config.h"
#include "blip2/models/config_fields.h"
#include "blip2/models/families.h"

namespace blip2 {

using json = nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

BlipTextConfig parse_blip_text(const ConfigFields& fields) {
  fields.require_text("hidden_act", "gelu");
  BlipTextConfig config;
  config.vocab_size = fields.size("vocab_size", config.vocab_size);
  config.hidden_size = fields.size("hidden_size", config.hidden_size);
  config.intermediate_size = fields.size("intermediate_size", config.intermediate_size);
  config.num_hidden_layers = fields.size("num_hidden_layers", config.num_hidden_layers);
  // Hugging Face's default of 8 heads is wrong for every published file, and these say 12.
  config.num_attention_heads = fields.size("num_attention_heads", 8);
  config.max_position_embeddings =
      fields.size("max_position_embeddings", config.max_position_embeddings);
  config.layer_norm_eps = fields.positive("layer_norm_eps", config.layer_norm_eps);
  config.bos_token_id = fields.integer("bos_token_id", config.bos_token_id);
  config.sep_token_id = fields.integer("sep_token_id", config.sep_token_id);
  config.pad_token_id = fields.integer("pad_token_id", config.pad_token_id);
  return config;
}

ClipTextConfig parse_clip_text(const ConfigFields& fields) {
  ClipTextConfig config;
  config.vocab_size = fields.size("vocab_size", config.vocab_size);
  config.hidden_size = fields.size("hidden_size", config.hidden_size);
  config.intermediate_size = fields.size("intermediate_size", config.intermediate_size);
  config.num_hidden_layers = fields.size("num_hidden_layers", config.num_hidden_layers);
  config.num_attention_heads = fields.size("num_attention_heads", config.num_attention_heads);
  config.max_position_embeddings =
      fields.size("max_position_embeddings", config.max_position_embeddings);
  config.hidden_act = fields.text("hidden_act", config.hidden_act);
  config.layer_norm_eps = fields.positive("layer_norm_eps", config.layer_norm_eps);
  config.bos_token_id = fields.integer("bos_token_id", config.bos_token_id);
  config.eos_token_id = fields.integer("eos_token_id", config.eos_token_id);
  config.pad_token_id = fields.integer("pad_token_id", config.pad_token_id);
  return config;
}

/// A `vision_config` inside a whole model, whose `model_type` a file may leave out.
json vision_config(const ConfigFields& fields, const char* type) {
  json vision = fields.object("vision_config");
  if (!vision.contains("model_type")) vision["model_type"] = type;
  return vision;
}

}  // namespace

BlipConfig read_blip_config(const fs::path& directory) {
  const fs::path path = directory / "config.json";
  const json object = read_config(path);
  const ConfigFields fields(object, path.string());
  BlipConfig config;
  config.kind = directory_kind(directory);
  const json vision = vision_config(fields, "blip_vision_model");
  const std::string where = path.string() + ": vision_config";
  config.vision_json = vision.dump(2);
  config.image_norm_eps = ConfigFields(vision, where).positive("layer_norm_eps", 1e-5);
  const json text = fields.object("text_config");
  const ConfigFields text_fields(text, path.string() + ": text_config");
  config.text = parse_blip_text(text_fields);
  config.text.encoder_hidden_size = width_of(parse_vision(config.vision_json, where));
  refuse_bad(text_fields, config.text);
  config.image_text_hidden_size = fields.size("image_text_hidden_size", 256);
  config.output = text_fields.flag("tie_word_embeddings", fields.flag("tie_word_embeddings", true))
                      ? OutputMatrix::kTied
                      : OutputMatrix::kOwn;
  return config;
}

ClipConfig read_clip_config(const fs::path& directory) {
  const fs::path path = directory / "config.json";
  const json object = read_config(path);
  const ConfigFields fields(object, path.string());
  ClipConfig config;
  const json text = fields.object("text_config");
  const ConfigFields text_fields(text, path.string() + ": text_config");
  config.text = parse_clip_text(text_fields);
  refuse_bad(text_fields, config.text);
  const json vision = vision_config(fields, "clip_vision_model");
  const std::string where = path.string() + ": vision_config";
  VisionConfig parsed = parse_vision(vision.dump(), where);
  if (!std::holds_alternative<VitConfig>(parsed)) {
    ConfigFields(vision, where).fail_at("model_type", "clip_vision_model");
  }
  config.vision = std::get<VitConfig>(parsed);
  config.vision.has_post_layernorm = true;
  config.projection_dim = fields.size("projection_dim", config.projection_dim);
  refuse_bad(fields, config);
  return config;
}

}  // namespace blip2
