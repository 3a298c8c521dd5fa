// The config.json of a BLIP-1 and of a CLIP directory.
#include <nlohmann/json.hpp>

#include "blip2/base/json_fields.h"
#include "blip2/models/configs/bundle_config.h"
#include "blip2/models/configs/config_fields.h"
#include "blip2/models/directory/families.h"

namespace blip2 {

using json = nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

/// A `vision_config` inside a whole model, whose `model_type` a file may leave out.
json vision_config(const ConfigFields& fields, const char* type) {
  json vision = fields.object("vision_config");
  if (!vision.contains("model_type")) vision["model_type"] = type;
  return vision;
}

}  // namespace

BlipConfig read_blip_config(const fs::path& directory) {
  const fs::path path = directory / "config.json";
  const json object = read_json_object<json>(path);
  const ConfigFields fields(object, path.string());
  BlipConfig config;
  config.kind = directory_kind(directory);
  const json vision = vision_config(fields, "blip_vision_model");
  const std::string where = path.string() + ": vision_config";
  config.vision_json = vision.dump(2);
  config.image_norm_eps = ConfigFields(vision, where).positive("layer_norm_eps", 1e-5);
  const json text = fields.object("text_config");
  const ConfigFields text_fields(text, path.string() + ": text_config");
  text_fields.require_text("hidden_act", "gelu");
  read_fields(text_fields, config.text);
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
  const json object = read_json_object<json>(path);
  const ConfigFields fields(object, path.string());
  ClipConfig config;
  const json text = fields.object("text_config");
  const ConfigFields text_fields(text, path.string() + ": text_config");
  read_fields(text_fields, config.text);
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
