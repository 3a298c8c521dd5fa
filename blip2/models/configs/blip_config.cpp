// The config.json of a BLIP-1 and of a CLIP directory, between JSON and values.
#include "blip2/models/configs/blip_config.h"

#include <nlohmann/json.hpp>

#include "blip2/base/json_fields.h"
#include "blip2/models/keys/common_keys.h"
#include "blip2/models/vision/families.h"
#include "blip2/models/vision/vit_family.h"

namespace blip2 {

using json = nlohmann::ordered_json;

namespace {

/// A part's configuration inside a CLIP. As in transformers, `text_config_dict` and
/// `vision_config_dict`, which old files have, stand over `text_config` and `vision_config`, with
/// defaults for what they do not say.
json part_config(const ConfigFields& fields, const std::string& name) {
  const std::string old_name = name + "_dict";
  return fields.object(fields.has(old_name.c_str()) ? old_name.c_str() : name.c_str());
}

/// A `vision_config` inside a whole model, whose `model_type` a file may leave out.
json vision_config(const ConfigFields& fields, const char* type) {
  json vision = part_config(fields, "vision_config");
  if (!vision.contains("model_type")) vision["model_type"] = type;
  return vision;
}

}  // namespace

BlipConfig parse_blip(const ConfigFields& fields) {
  require_known_keys(
      fields, without_generation(
                  {.read = {"vision_config", "text_config", "image_text_hidden_size",
                            "tie_word_embeddings"},
                   .ignored = {"projection_dim", "label_smoothing", "logit_scale_init_value"}}));
  BlipConfig config;
  config.kind = directory_kind(fields);
  const json vision = vision_config(fields, "blip_vision_model");
  const std::string where = fields.where() + ": vision_config";
  config.vision_json = vision.dump(2);
  config.image_norm_eps = ConfigFields(vision, where).positive("layer_norm_eps", 1e-5);
  const json text = fields.object("text_config");
  const ConfigFields text_fields(text, fields.where() + ": text_config");
  config.text_json = text.dump(2);
  require_known_keys(
      text_fields, with_generation({.read = joined(field_names<BlipTextConfig>(),
                                                   {"tie_word_embeddings", "encoder_hidden_size"}),
                                    .ignored = {"projection_dim", "label_smoothing", "eos_token_id",
                                                "type_vocab_size"},
                                    .fixed = {{"hidden_act", "\"gelu\""},
                                              {"position_embedding_type", "\"absolute\""},
                                              {"is_decoder", "true"},
                                              {"is_encoder_decoder", "false"}}}));
  read_fields(text_fields, config.text);
  config.image_encoder = parse_image_encoder(ConfigFields(vision, where));
  config.text.encoder_hidden_size = config.image_encoder.width;
  refuse_bad(text_fields, config.text);
  config.image_text_hidden_size = fields.size("image_text_hidden_size", 256);
  config.output = text_fields.flag("tie_word_embeddings", fields.flag("tie_word_embeddings", true))
                      ? OutputMatrix::kTied
                      : OutputMatrix::kOwn;
  return config;
}

ClipConfig parse_clip(const ConfigFields& fields) {
  require_known_keys(
      fields, without_generation({.read = {"text_config", "vision_config", "text_config_dict",
                                           "vision_config_dict", "projection_dim"},
                                  .ignored = {"logit_scale_init_value"}}));
  ClipConfig config;
  const json text = part_config(fields, "text_config");
  const ConfigFields text_fields(text, fields.where() + ": text_config");
  require_known_keys(text_fields, without_generation({.read = field_names<ClipTextConfig>(),
                                                      .ignored = {"projection_dim"}}));
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
