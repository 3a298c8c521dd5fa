// The config.json of a BLIP-1 and of a CLIP directory, between JSON and values.
#include "blip2/models/configs/blip_config.h"

#include <nlohmann/json.hpp>

#include "blip2/base/json_fields.h"
#include "blip2/models/vision/families.h"
#include "blip2/models/vision/vit_family.h"

namespace blip2 {

using json = nlohmann::ordered_json;

namespace {

/// A `vision_config` inside a whole model, whose `model_type` a file may leave out.
json vision_config(const ConfigFields& fields, const char* type) {
  json vision = fields.object("vision_config");
  if (!vision.contains("model_type")) vision["model_type"] = type;
  return vision;
}

}  // namespace

BlipConfig parse_blip(const ConfigFields& fields) {
  BlipConfig config;
  config.kind = directory_kind(fields);
  const json vision = vision_config(fields, "blip_vision_model");
  const std::string where = fields.where() + ": vision_config";
  config.vision_json = vision.dump(2);
  config.image_norm_eps = ConfigFields(vision, where).positive("layer_norm_eps", 1e-5);
  const json text = fields.object("text_config");
  const ConfigFields text_fields(text, fields.where() + ": text_config");
  text_fields.require_text("hidden_act", "gelu");
  read_fields(text_fields, config.text);
  config.text.encoder_hidden_size = parse_image_encoder(config.vision_json, where).width;
  refuse_bad(text_fields, config.text);
  config.image_text_hidden_size = fields.size("image_text_hidden_size", 256);
  config.output = text_fields.flag("tie_word_embeddings", fields.flag("tie_word_embeddings", true))
                      ? OutputMatrix::kTied
                      : OutputMatrix::kOwn;
  return config;
}

ClipConfig parse_clip(const ConfigFields& fields) {
  ClipConfig config;
  const json text = fields.object("text_config");
  const ConfigFields text_fields(text, fields.where() + ": text_config");
  read_fields(text_fields, config.text);
  refuse_bad(text_fields, config.text);
  const json vision = vision_config(fields, "clip_vision_model");
  const std::string where = fields.where() + ": vision_config";
  const ConfigFields vision_fields(vision, where);
  if (vision_fields.text("model_type", "") != "clip_vision_model") {
    vision_fields.fail_at("model_type", "clip_vision_model");
  }
  config.vision = parse_vit(vision_fields, clip_vit_config());
  config.vision.has_post_layernorm = true;
  config.projection_dim = fields.size("projection_dim", config.projection_dim);
  refuse_bad(fields, config);
  return config;
}

}  // namespace blip2
