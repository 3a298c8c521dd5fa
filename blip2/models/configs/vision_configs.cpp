// The configurations of image encoders, between JSON and values.
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

EfficientNetStage parse_stage(const json& value, const std::string& where) {
  const ConfigFields fields(value, where);
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
  EfficientNetConfig config;
  config.stem_width = fields.size("stem_width", config.stem_width);
  config.head_width = fields.size("hidden_size", config.head_width);
  config.num_classes = fields.size("num_classes", config.num_classes);
  config.batch_norm_eps = fields.positive("batch_norm_eps", config.batch_norm_eps);
  config.image_size = fields.size("image_size", config.image_size);
  if (const json* stages = fields.find("stages")) {
    if (!stages->is_array() || stages->empty()) fields.fail_at("stages", "a list of stages");
    config.stages.clear();
    for (const json& stage : *stages) {
      const std::string place = fmt::format("{}: stages[{}]", fields.where(), config.stages.size());
      config.stages.push_back(parse_stage(stage, place));
    }
  }
  return config;
}

std::string format(const EfficientNetConfig& config) {
  json stages = json::array();
  for (const EfficientNetStage& stage : config.stages) {
    stages.push_back({{"repeats", stage.repeats},
                      {"kernel", stage.kernel},
                      {"stride", stage.stride},
                      {"expansion", stage.expansion},
                      {"width", stage.width}});
  }
  return json{{"model_type", "efficientnet_lite"}, {"hidden_size", config.head_width},
              {"stem_width", config.stem_width},   {"stages", stages},
              {"num_classes", config.num_classes}, {"batch_norm_eps", config.batch_norm_eps},
              {"image_size", config.image_size}}
      .dump(2);
}

/// `layer_norm_eps` and the activation differ between the families, and files leave out what is
/// their family's default.
VitConfig parse_vit(const ConfigFields& fields, VitConfig config) {
  read_fields(fields, config);
  config.has_post_layernorm = false;
  refuse_bad(fields, config);
  return config;
}

std::string format(VitConfig config) {
  json object = {{"model_type",
                  config.layout == VitLayout::kClip ? "clip_vision_model" : "blip_2_vision_model"}};
  visit(config, [&](const char* name, const auto& value, const char*) { object[name] = value; });
  return object.dump(2);
}

}  // namespace

VisionConfig parse_vision(std::string_view text, const std::string& where) {
  const json object = parse_json_object<json>(text, where);
  const ConfigFields fields(object, where);
  const std::string type = fields.text("model_type", "blip_2_vision_model");
  if (type == "efficientnet_lite") return parse_efficientnet(fields);
  if (type == "blip_2_vision_model" || type == "instructblip_vision_model") {
    return parse_vit(fields, VitConfig());
  }
  if (type == "blip_vision_model") return parse_vit(fields, blip_vit_config());
  if (type == "clip_vision_model") return parse_vit(fields, clip_vit_config());
  fail(ErrorCode::kUnsupported,
       "{}: model_type: expected blip_2_vision_model, instructblip_vision_model, "
       "blip_vision_model, clip_vision_model or efficientnet_lite, found {}",
       where, quote(type));
}

std::string with_image_size(std::string_view vision_json, int64_t image_size) {
  json object = parse_json_object<json>(vision_json, "vision_config");
  object["image_size"] = image_size;
  return object.dump(2);
}

std::string format_vision(const VisionConfig& config) {
  return std::visit([](const auto& known) { return format(known); }, config);
}

}  // namespace blip2
