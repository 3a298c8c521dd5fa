// preprocessor_config.json, between JSON and the image transform.
#include "blip2/models/configs/image_processor.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/json_struct.h"

namespace blip2 {

using json = nlohmann::ordered_json;  // files keep their order

namespace {

constexpr int64_t kLargestSide = 16384;  ///< pixels a side

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
  if (side > kLargestSide) fields.fail_at(key, fmt::format("at most {} pixels", kLargestSide));
  return static_cast<int>(side);
}

/// A square: a number, or an object with equal height and width.
int parse_square(const ConfigFields& fields, const char* key, int64_t fallback) {
  const json* value = fields.find(key);
  if (value == nullptr || value->is_number()) return parse_side(fields, key, fallback);
  const json object = fields.object(key);
  const ConfigFields sides(object, fields.where() + ": " + key);
  if (!sides.has("height") || !sides.has("width")) fields.fail_at(key, "height and width");
  const int height = parse_side(sides, "height", fallback);
  if (parse_side(sides, "width", fallback) != height) fields.fail_at(key, "a square");
  return height;
}

void parse_sizes(const ConfigFields& fields, ImageTransform& transform) {
  const json* size = fields.find("size");
  const bool shortest = size != nullptr && size->is_object() && size->contains("shortest_edge");
  fields.require_text("resize_mode", "place_on_background");
  if (fields.has("resize_mode")) {
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

ImageTransform parse_transform(std::string_view text, const std::string& where) {
  const json object = parse_json_object<json>(text, where);
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
