// The frozen parts' configurations and the image transform, between JSON and values.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/checkpoint/messages.h"
#include "blip2/models/bundle_config.h"
#include "blip2/models/config_fields.h"

namespace blip2 {

using json = nlohmann::ordered_json;  // files keep their order

namespace {

constexpr int64_t kLargestImage = 16384;  ///< pixels a side

EfficientNetStage parse_stage(const json& value, const std::string& where) {
  if (!value.is_object()) {
    fail(ErrorCode::kCorruptData, "{}: stages: expected objects", where);
  }
  const ConfigFields fields(value, where + ": stages");
  EfficientNetStage stage;
  stage.repeats = fields.size("repeats", 1);
  stage.kernel = fields.size("kernel", 3);
  stage.stride = fields.size("stride", 1);
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
    for (const json& stage : *stages) config.stages.push_back(parse_stage(stage, fields.where()));
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

/// Hugging Face's defaults differ from ours, which are SmolLM2's.
LlamaConfig parse_llama(const ConfigFields& fields) {
  fields.require_text("hidden_act", "silu");
  fields.require_flag("attention_bias", false);
  fields.require_flag("mlp_bias", false);
  const json scaling = fields.object("rope_scaling");
  const ConfigFields rope(scaling, fields.where() + ": rope_scaling");
  rope.require_text(rope.has("type") ? "type" : "rope_type", "default");
  LlamaConfig config;
  config.hidden_size = fields.size("hidden_size", 4096);
  config.intermediate_size = fields.size("intermediate_size", 11008);
  config.num_hidden_layers = fields.size("num_hidden_layers", 32);
  config.num_attention_heads = fields.size("num_attention_heads", 32);
  config.num_key_value_heads = fields.size("num_key_value_heads", config.num_attention_heads);
  config.head_dim = fields.size(
      "head_dim", std::max<int64_t>(config.hidden_size / config.num_attention_heads, 1));
  // transformers 5 keeps the base of the rotary frequencies in an object.
  const json parameters = fields.object("rope_parameters");
  config.rope_theta = ConfigFields(parameters, fields.where() + ": rope_parameters")
                          .positive("rope_theta", fields.positive("rope_theta", 10000.0));
  config.rms_norm_eps = fields.positive("rms_norm_eps", 1e-6);
  config.vocab_size = fields.size("vocab_size", 32000);
  config.max_position_embeddings = fields.size("max_position_embeddings", 2048);
  config.tie_word_embeddings = fields.flag("tie_word_embeddings", false);
  config.bos_token_id = fields.integer("bos_token_id", 1);
  config.eos_token_id = fields.integer("eos_token_id", 2);
  config.pad_token_id = fields.integer("pad_token_id", -1);
  try {
    validate(config);
  } catch (const Error& error) {
    fail(ErrorCode::kCorruptData, "{}: {}", fields.where(), error.what());
  }
  return config;
}

std::string format(LlamaConfig config) {
  json object = {{"architectures", {"LlamaForCausalLM"}}, {"model_type", "llama"}};
  visit(config, [&](const char* name, const auto& value, const char*) { object[name] = value; });
  for (const char* id : {"bos_token_id", "eos_token_id", "pad_token_id"}) {
    if (object[id] == -1) object[id] = nullptr;
  }
  object["hidden_act"] = "silu";
  object["attention_bias"] = false;
  object["mlp_bias"] = false;
  object["rope_scaling"] = nullptr;
  object["torch_dtype"] = "float32";
  return object.dump(2);
}

std::array<double, 3> parse_triple(const ConfigFields& fields, const char* key,
                                   std::array<double, 3> values) {
  const json* list = fields.find(key);
  if (list == nullptr) return values;
  if (!list->is_array() || list->size() != 3) fields.fail_at(key, "three numbers");
  for (size_t i = 0; i < 3; ++i) {
    if (!(*list)[i].is_number()) fields.fail_at(key, "three numbers");
    values[i] = (*list)[i].get<double>();
  }
  return values;
}

/// A side in pixels.
int parse_side(const ConfigFields& fields, const char* key, int64_t fallback) {
  const int64_t side = fields.size(key, fallback);
  if (side > kLargestImage) fields.fail_at(key, fmt::format("at most {} pixels", kLargestImage));
  return static_cast<int>(side);
}

/// A square: a number, or an object with equal height and width.
int parse_square(const ConfigFields& fields, const char* key, int64_t fallback) {
  const json* value = fields.find(key);
  if (value == nullptr || value->is_number()) return parse_side(fields, key, fallback);
  const json object = fields.object(key);
  const ConfigFields sides(object, fields.where() + ": " + key);
  const int height = parse_side(sides, "height", fallback);
  if (parse_side(sides, "width", fallback) != height) fields.fail_at(key, "a square");
  return height;
}

void parse_sizes(const ConfigFields& fields, ImageTransform& transform) {
  const json* size = fields.find("size");
  const bool shortest = size != nullptr && size->is_object() && size->contains("shortest_edge");
  if (fields.text("resize_mode", "") == "place_on_background") {
    transform.resize_mode = ResizeMode::kPlaceOnBackground;
    transform.fill = fields.positive("fill", transform.fill);
    if (transform.fill > 1) fields.fail_at("fill", "a share from 0 to 1");
    const auto colour = parse_triple(fields, "background", {255, 255, 255});
    for (size_t i = 0; i < 3; ++i) {
      if (!(colour[i] >= 0 && colour[i] <= 255)) fields.fail_at("background", "bytes");
      transform.background[i] = static_cast<uint8_t>(std::lround(colour[i]));
    }
  } else if (shortest) {
    fields.require_flag("do_center_crop", true);
    const json object = fields.object("size");
    transform.resize_mode = ResizeMode::kShorterSideThenCrop;
    transform.shorter_side =
        parse_side(ConfigFields(object, fields.where() + ": size"), "shortest_edge", 256);
    transform.image_size = parse_square(fields, "crop_size", 224);
    if (transform.shorter_side < transform.image_size) {
      fields.fail_at("crop_size", "no more than size.shortest_edge");
    }
    return;
  } else {
    fields.require_flag("do_center_crop", false);
    transform.resize_mode = ResizeMode::kSquash;
  }
  transform.image_size = parse_square(fields, "size", 384);
  transform.shorter_side = transform.image_size;
}

}  // namespace

VisionConfig parse_vision(std::string_view text, const std::string& where) {
  const json object = parse_config(text, where);
  const ConfigFields fields(object, where);
  const std::string type = fields.text("model_type", "blip_2_vision_model");
  if (type == "efficientnet_lite") return parse_efficientnet(fields);
  fail(ErrorCode::kUnsupported,
       "{}: model_type: this version knows \"efficientnet_lite\", found {}", where, quote(type));
}

std::string format_vision(const VisionConfig& config) {
  return std::visit([](const auto& known) { return format(known); }, config);
}

LanguageConfig parse_language(std::string_view text, const std::string& where) {
  const json object = parse_config(text, where);
  const ConfigFields fields(object, where);
  const std::string type = fields.text("model_type", "opt");
  if (type == "llama") return parse_llama(fields);
  fail(ErrorCode::kUnsupported, "{}: model_type: this version knows \"llama\", found {}", where,
       quote(type));
}

std::string format_language(const LanguageConfig& config) {
  return std::visit([](const auto& known) { return format(known); }, config);
}

std::string with_dtype(std::string_view language_json, const std::string& dtype) {
  json object = json::parse(language_json);
  object["torch_dtype"] = dtype;
  return object.dump(2);
}

ImageTransform parse_transform(std::string_view text, const std::string& where) {
  const json object = parse_config(text, where);
  const ConfigFields fields(object, where);
  fields.require_flag("do_resize", true);
  ImageTransform transform;
  parse_sizes(fields, transform);
  const int64_t resample = fields.integer("resample", 3);  // Pillow's numbers
  if (resample != 2 && resample != 3) {
    fail(ErrorCode::kUnsupported,
         "{}: resample: this program knows 2 (bilinear) and 3 (bicubic), found {}", where,
         resample);
  }
  transform.filter = resample == 2 ? Filter::kBilinear : Filter::kBicubic;
  transform.rescale =
      fields.flag("do_rescale", true) ? fields.positive("rescale_factor", 1.0 / 255.0) : 1.0;
  if (fields.flag("do_normalize", true)) {
    transform.mean = parse_triple(fields, "image_mean", transform.mean);
    transform.std = parse_triple(fields, "image_std", transform.std);
    for (const double std : transform.std) {
      if (!(std > 0)) fields.fail_at("image_std", "numbers above 0");
    }
  } else {
    transform.mean = {0, 0, 0};
    transform.std = {1, 1, 1};
  }
  return transform;
}

std::string format_transform(const ImageTransform& transform) {
  const auto square = [](int side) { return json{{"height", side}, {"width", side}}; };
  json object = {{"image_processor_type", "BlipImageProcessor"},
                 {"do_convert_rgb", true},
                 {"do_resize", true},
                 {"size", square(transform.image_size)},
                 {"resample", transform.filter == Filter::kBilinear ? 2 : 3},
                 {"do_rescale", true},
                 {"rescale_factor", transform.rescale},
                 {"do_normalize", true},
                 {"image_mean", transform.mean},
                 {"image_std", transform.std}};
  if (transform.resize_mode == ResizeMode::kShorterSideThenCrop) {
    object["image_processor_type"] = "CLIPImageProcessor";
    object["size"] = {{"shortest_edge", transform.shorter_side}};
    object["do_center_crop"] = true;
    object["crop_size"] = square(transform.image_size);
  } else if (transform.resize_mode == ResizeMode::kPlaceOnBackground) {
    object["resize_mode"] = "place_on_background";
    object["fill"] = transform.fill;
    object["background"] = transform.background;
  }
  return object.dump(2);
}

}  // namespace blip2
