// EfficientNet-Lite as a family of image encoders: its configuration between JSON and values, its
// weights, its encoder.
#include <nlohmann/json.hpp>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/json_struct.h"
#include "blip2/models/keys/common_keys.h"
#include "blip2/models/vision/efficientnet.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;

constexpr const char* kType = "efficientnet_lite";

EfficientNetStage parse_stage(const Json& value, const std::string& where) {
  const ConfigFields fields(value, where);
  require_known_keys(fields, {.read = {"repeats", "kernel", "stride", "expansion", "width"}});
  EfficientNetStage stage;
  stage.repeats = fields.size("repeats", 1);
  stage.kernel = fields.size("kernel", 3);
  if (stage.kernel % 2 == 0) fields.fail_at("kernel", "an odd number");
  stage.stride = fields.size("stride", 1);
  if (stage.stride > 2) fields.fail_at("stride", "1 or 2");
  stage.expansion = fields.size("expansion", 1);
  stage.width = fields.size("width", 16);
  return stage;
}

EfficientNetConfig parse_efficientnet(const ConfigFields& fields) {
  // layer_norm_eps is that of BLIP-2's norm behind the encoder, where the directory has one.
  require_known_keys(fields,
                     without_generation({.read = {"stem_width", "hidden_size", "num_classes",
                                                  "batch_norm_eps", "image_size", "stages"},
                                         .ignored = {"layer_norm_eps"},
                                         .fixed = {{"num_channels", "3"}}}));
  EfficientNetConfig config;
  config.stem_width = fields.size("stem_width", config.stem_width);
  config.head_width = fields.size("hidden_size", config.head_width);
  config.num_classes = fields.size("num_classes", config.num_classes);
  config.batch_norm_eps = fields.positive("batch_norm_eps", config.batch_norm_eps);
  config.image_size = fields.size("image_size", config.image_size);
  if (const Json* stages = fields.find("stages")) {
    if (!stages->is_array() || stages->empty()) fields.fail_at("stages", "a list of stages");
    config.stages.clear();
    for (const Json& stage : *stages) {
      const std::string place = fmt::format("{}: stages[{}]", fields.where(), config.stages.size());
      config.stages.push_back(parse_stage(stage, place));
    }
  }
  return config;
}

std::string to_json(const EfficientNetConfig& config) {
  Json stages = Json::array();
  for (const EfficientNetStage& stage : config.stages) {
    stages.push_back({{"repeats", stage.repeats},
                      {"kernel", stage.kernel},
                      {"stride", stage.stride},
                      {"expansion", stage.expansion},
                      {"width", stage.width}});
  }
  return Json{{"model_type", kType},
              {"hidden_size", config.head_width},
              {"stem_width", config.stem_width},
              {"stages", stages},
              {"num_classes", config.num_classes},
              {"batch_norm_eps", config.batch_norm_eps},
              {"image_size", config.image_size}}
      .dump(2);
}

ImageEncoderWeights make_weights(const EfficientNetConfig& config) {
  const auto model = std::make_shared<EfficientNet>(make_efficientnet(config));
  return {named_tensors(*model), [model](int64_t) -> std::unique_ptr<ImageEncoder> {
            return std::make_unique<EfficientNetEncoder>(std::move(*model));
          }};
}

}  // namespace

ImageEncoderShape efficientnet_shape(const EfficientNetConfig& config) {
  ImageEncoderShape shape;
  shape.family = kType;
  shape.width = config.head_width;
  shape.image_size = config.image_size;
  shape.sizes = {{"hidden_size", config.head_width},
                 {"image_size", config.image_size},
                 {"num_classes", config.num_classes}};
  shape.transform = efficientnet_lite0_transform();
  shape.json = to_json(config);
  shape.make = [config] { return make_weights(config); };
  return shape;
}

ImageEncoderFamily efficientnet_family() {
  return {{kType}, [](const ConfigFields& fields) {
            return efficientnet_shape(parse_efficientnet(fields));
          }};
}

}  // namespace blip2
