// The records of the ViT families: BLIP-2's, BLIP's and CLIP's differ in defaults and layout.
#include "blip2/models/vision/vit_family.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "blip2/models/keys/common_keys.h"
#include "blip2/nn/module.h"

namespace blip2 {
namespace {

constexpr const char* kBlip2Type = "blip_2_vision_model";
constexpr const char* kClipType = "clip_vision_model";

ImageEncoderWeights make_weights(const VitConfig& config) {
  const auto model = std::make_shared<Vit>(make_vit(config));
  return {named_tensors(*model), [model](int64_t image_size) -> std::unique_ptr<ImageEncoder> {
            if (image_size > 0 && image_size != model->config.image_size) {
              resize_pictures(*model, image_size);
            }
            return std::make_unique<VitEncoder>(std::move(*model));
          }};
}

}  // namespace

VitConfig parse_vit(const ConfigFields& fields, VitConfig defaults) {
  require_known_keys(fields, without_generation({.read = field_names<VitConfig>(),
                                                 .ignored = {"projection_dim"},
                                                 .fixed = {{"num_channels", "3"}}}));
  read_fields(fields, defaults);
  defaults.has_post_layernorm = false;
  refuse_bad(fields, defaults);
  return defaults;
}

std::string vit_json(const VitConfig& config) {
  nlohmann::ordered_json object = {
      {"model_type", config.layout == VitLayout::kClip ? kClipType : kBlip2Type}};
  VitConfig fields = config;
  visit(fields, [&](const char* name, const auto& value, const char*) { object[name] = value; });
  return object.dump(2);
}

ImageEncoderShape vit_shape(const VitConfig& config, const std::string& family) {
  ImageEncoderShape shape;
  shape.family = family;
  shape.width = config.hidden_size;
  shape.image_size = config.image_size;
  shape.patch_size = config.patch_size;
  shape.sizes = whole_numbers(config);
  shape.transform = blip2_transform();
  shape.transform.shorter_side = static_cast<int>(config.image_size);
  shape.transform.image_size = static_cast<int>(config.image_size);
  shape.json = vit_json(config);
  shape.make = [config] { return make_weights(config); };
  return shape;
}

ImageEncoderFamily blip2_vit_family() {
  return {{kBlip2Type, "instructblip_vision_model"}, [](const ConfigFields& fields) {
            return vit_shape(parse_vit(fields, VitConfig()), kBlip2Type);
          }};
}

ImageEncoderFamily blip_vit_family() {
  return {{"blip_vision_model"}, [](const ConfigFields& fields) {
            return vit_shape(parse_vit(fields, blip_vit_config()), kBlip2Type);
          }};
}

ImageEncoderFamily clip_vit_family() {
  return {{kClipType}, [](const ConfigFields& fields) {
            return vit_shape(parse_vit(fields, clip_vit_config()), kClipType);
          }};
}

}  // namespace blip2
