// The image transform between JSON and its struct. Where transformers' implementations differ, the
// numbers are those of its Pillow classes: of transformers 4 for the files that it writes, of 5 for
// its own, and for what 4 cannot read.
#include "blip2/models/configs/image_processor.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "blip2/base/error.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/json_struct.h"
#include "blip2/base/quote.h"
#include "blip2/models/configs/image_processor_class.h"

namespace blip2 {

using json = nlohmann::ordered_json;  // files keep their order

namespace {

constexpr int64_t kLargestSide = 16384;  ///< pixels a side
constexpr int kDefaultCrop = 224;
constexpr const char* kNested = "image_processor";

/// Keys that are read, and those that transformers writes without heeding them in a Pillow class.
constexpr const char* kKnownKeys[] = {
    "image_processor_type", "feature_extractor_type", "processor_class", "size", "crop_size",
    "do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_convert_rgb",
    "default_to_square", "resample", "rescale_factor", "image_mean", "image_std",
    // Ours.
    "resize_mode", "fill", "background",
    // Without an effect. BLIP's published files have a size_divisor.
    "_processor_class", "_valid_processor_keys", "_valid_kwargs_names", "auto_map",
    "model_input_names", "data_format", "input_data_format", "return_tensors", "device",
    "disable_grouping", "size_divisor", "image_seq_length", "num_query_tokens", "use_fast",
    "transformers_version", "_name_or_path"};

struct FilterName {
  const char* name;
  Filter filter;
};

constexpr FilterName kFilters[] = {{"nearest", Filter::kNearest},   {"lanczos", Filter::kLanczos},
                                   {"bilinear", Filter::kBilinear}, {"bicubic", Filter::kBicubic},
                                   {"box", Filter::kBox},           {"hamming", Filter::kHamming}};

/// A file that is being read.
struct ProcessorFile {
  const ConfigFields& fields;
  const ImageProcessorClass& processor;
  bool is_general;  ///< ImageProcessorType::is_general
};

void refuse_unknown_keys(const ConfigFields& fields) {
  for (const auto& [key, value] : fields.json().items()) {
    const bool is_off = value.is_null() || (value.is_boolean() && !value.get<bool>());
    if (is_off ||
        std::find(std::begin(kKnownKeys), std::end(kKnownKeys), key) != std::end(kKnownKeys)) {
      continue;
    }
    fail(ErrorCode::kUnsupported,
         "{}: this program does not know what this setting does to a picture; take it out if it "
         "does nothing",
         fields.where(printable(key)));
  }
}

/// A flag as Python takes it: null is false.
bool is_on(const ConfigFields& fields, const char* key, bool fallback) {
  return fields.flag(key, !fields.json().contains(key) && fallback);
}

std::array<double, 3> parse_triple(const ConfigFields& fields, const char* key,
                                   std::array<double, 3> values) {
  const json* list = fields.find(key);
  if (list == nullptr) return values;
  if (list->is_number()) {
    values.fill(list->get<double>());
    return values;
  }
  if (!list->is_array() || list->size() != 3) fields.fail_at(key, "three numbers");
  for (size_t i = 0; i < 3; ++i) {
    if (!(*list)[i].is_number()) fields.fail_at(key, "three numbers");
    values[i] = (*list)[i].get<double>();
  }
  return values;
}

/// A side in pixels.
int parse_side(const ConfigFields& fields, const char* key) {
  const int64_t side = fields.integer(key, between(1, std::numeric_limits<int32_t>::max()));
  if (side > kLargestSide) fields.fail_at(key, fmt::format("at most {} pixels", kLargestSide));
  return static_cast<int>(side);
}

/// What `size` and `crop_size` may say.
struct Sides {
  int height = 0, width = 0;
  int shorter = 0, longest = 0;         ///< 0: not said
  int most_height = 0, most_width = 0;  ///< 0: not said
};

/// A list of height and width.
Sides parse_pair(const ConfigFields& fields, const char* key) {
  const json& list = *fields.find(key);
  if (list.size() != 2) fields.fail_at(key, "height and width");
  const json pair = {{"height", list[0]}, {"width", list[1]}};
  const ConfigFields sides(pair, fields.where(key));
  return {.height = parse_side(sides, "height"), .width = parse_side(sides, "width")};
}

/// Sides by their names: one of the sets that transformers takes.
Sides parse_named_sides(const ConfigFields& fields, const char* key) {
  const json object = fields.object(key);
  const ConfigFields sides(object, fields.where(key));
  const auto has_only = [&](std::initializer_list<const char*> names) {
    const auto said = std::count_if(object.begin(), object.end(),
                                    [](const json& value) { return !value.is_null(); });
    return said == static_cast<int64_t>(names.size()) &&
           std::all_of(names.begin(), names.end(),
                       [&](const char* name) { return sides.has(name); });
  };
  if (has_only({"height", "width"})) {
    return {.height = parse_side(sides, "height"), .width = parse_side(sides, "width")};
  }
  if (has_only({"shortest_edge"})) return {.shorter = parse_side(sides, "shortest_edge")};
  if (has_only({"shortest_edge", "longest_edge"})) {
    return {.shorter = parse_side(sides, "shortest_edge"),
            .longest = parse_side(sides, "longest_edge")};
  }
  if (has_only({"max_height", "max_width"})) {
    return {.most_height = parse_side(sides, "max_height"),
            .most_width = parse_side(sides, "max_width")};
  }
  fields.fail_at(key,
                 "height and width; shortest_edge, with or without longest_edge; or max_height and "
                 "max_width");
}

Sides parse_size(const ProcessorFile& file) {
  const ConfigFields& fields = file.fields;
  const json* value = fields.find("size");
  if (value != nullptr && value->is_array()) return parse_pair(fields, "size");
  if (value != nullptr && !value->is_number()) return parse_named_sides(fields, "size");
  bool is_square = file.processor.makes_square;
  if (file.is_general) is_square = fields.flag("default_to_square", is_square);
  int side = file.processor.size;
  if (value == nullptr) {
    is_square = !file.processor.keeps_shape;
  } else {
    side = parse_side(fields, "size");
  }
  return is_square ? Sides{.height = side, .width = side} : Sides{.shorter = side};
}

/// A square: a whole number, a list, or an object with height and width.
int parse_square(const ConfigFields& fields, const char* key) {
  const json& value = *fields.find(key);
  if (value.is_number()) return parse_side(fields, key);
  const Sides sides = value.is_array() ? parse_pair(fields, key) : parse_named_sides(fields, key);
  if (sides.width == 0) fields.fail_at(key, "height and width");
  if (sides.width != sides.height) fields.fail_at(key, "a square");
  return sides.width;
}

/// The side of the square that is cut out; 0 where none is. `is_heeded`: whether the class does so.
int parse_crop(const ProcessorFile& file, bool is_heeded) {
  const ConfigFields& fields = file.fields;
  if (!is_on(fields, "do_center_crop", file.processor.center_crop) || !is_heeded) return 0;
  if (fields.has("crop_size")) return parse_square(fields, "crop_size");
  if (!file.processor.crops) fields.fail_at("crop_size", "a size, for do_center_crop is true");
  return kDefaultCrop;
}

void set_exact(const ProcessorFile& file, const Sides& sides, int crop, ImageTransform& transform) {
  transform.resize_mode = ResizeMode::kSquash;
  if (crop == 0 && sides.width != sides.height) file.fields.fail_at("size", "a square");
  transform.image_size = crop == 0 ? sides.width : crop;
  if (sides.width == transform.image_size && sides.height == transform.image_size) return;
  transform.resized_width = sides.width;
  transform.resized_height = sides.height;
}

void parse_sizes(const ProcessorFile& file, int encoder_size, ImageTransform& transform) {
  if (!is_on(file.fields, "do_resize", true)) {
    const int crop = parse_crop(file, file.is_general || file.processor.crops);
    transform.resize_mode = ResizeMode::kNone;
    transform.image_size = crop == 0 ? encoder_size : crop;
    transform.center_crop = crop != 0;
    if (transform.image_size < 1) file.fields.fail_at("do_resize", "true, or do_center_crop");
    return;
  }
  const Sides sides = parse_size(file);
  const bool is_exact = sides.width > 0;
  const bool is_for_4 = is_exact || (sides.shorter > 0 && file.processor.keeps_shape);
  if (!file.is_general && !is_for_4) {
    return parse_sizes({file.fields, file.processor, true}, encoder_size, transform);
  }
  const int crop = parse_crop(file, file.is_general || file.processor.crops);
  if (is_exact) return set_exact(file, sides, crop, transform);
  transform.center_crop = crop != 0;
  if (sides.shorter > 0) {
    transform.resize_mode = ResizeMode::kShorterSide;
    transform.shorter_side = sides.shorter;
    transform.longest_side = file.is_general ? sides.longest : 0;  // 4's ignores it
    transform.image_size = sides.shorter;
    if (transform.longest_side > 0) {
      transform.image_size = std::min(sides.shorter, transform.longest_side);
    }
  } else {
    transform.resize_mode = ResizeMode::kWithinBox;
    transform.resized_width = sides.most_width;
    transform.resized_height = sides.most_height;
    transform.image_size = std::min(sides.most_width, sides.most_height);
  }
  if (crop != 0) transform.image_size = crop;
}

/// Our own `resize_mode`.
void parse_placement(const ConfigFields& fields, ImageTransform& transform) {
  fields.require_text("resize_mode", "place_on_background");
  transform.resize_mode = ResizeMode::kPlaceOnBackground;
  transform.fill = fields.positive("fill", transform.fill);
  if (transform.fill > 1) fields.fail_at("fill", "a share from 0 to 1");
  const auto colour = parse_triple(fields, "background", {255, 255, 255});
  for (size_t i = 0; i < 3; ++i) {
    if (!(colour[i] >= 0 && colour[i] <= 255)) fields.fail_at("background", "bytes");
    transform.background[i] = static_cast<uint8_t>(std::lround(colour[i]));
  }
  if (!fields.has("size")) fields.fail_at("size", "a square");
  transform.image_size = parse_square(fields, "size");
}

/// Pillow's number, or a name such as "bicubic", "BICUBIC" or "PILImageResampling.BICUBIC".
Filter parse_filter(const ProcessorFile& file) {
  const ConfigFields& fields = file.fields;
  if (!fields.json().contains("resample")) return file.processor.filter;
  const json* value = fields.find("resample");
  std::string name = value != nullptr && value->is_string() ? value->get<std::string>() : "";
  name.erase(0, name.rfind('.') + 1);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const FilterName& one : kFilters) {
    const bool is_number =
        value != nullptr && value->is_number_integer() && *value == static_cast<int>(one.filter);
    if (is_number || name == one.name) return one.filter;
  }
  fields.fail_at("resample",
                 "0 (nearest), 1 (lanczos), 2 (bilinear), 3 (bicubic), 4 (box) or 5 (hamming)");
}

void parse_numbers(const ProcessorFile& file, ImageTransform& transform) {
  const ConfigFields& fields = file.fields;
  const bool is_rescaled = is_on(fields, "do_rescale", true);
  transform.rescale = is_rescaled ? fields.positive("rescale_factor", 1.0 / 255.0) : 1.0;
  if (!is_on(fields, "do_normalize", true)) {
    transform.mean = {0, 0, 0};
    transform.std = {1, 1, 1};
    return;
  }
  transform.mean = parse_triple(fields, "image_mean", file.processor.mean);
  transform.std = parse_triple(fields, "image_std", file.processor.std);
  for (const double std : transform.std) {
    if (!(std > 0)) fields.fail_at("image_std", "numbers above 0");
  }
}

/// The class that a file names, else that of its processor, else that of the model.
ImageProcessorType type_of(const ConfigFields& fields, const TransformContext& context) {
  for (const char* key : {"image_processor_type", "feature_extractor_type"}) {
    if (fields.has(key)) return image_processor_type(fields.text(key), fields.where(key));
  }
  return {&image_processor_of(fields.text("processor_class", context.model_type))};
}

ImageTransform parse_fields(const ConfigFields& fields, bool is_nested,
                            const TransformContext& context) {
  refuse_unknown_keys(fields);
  const ImageProcessorType type = type_of(fields, context);
  const ProcessorFile file{fields, *type.processor, type.is_general || is_nested};
  ImageTransform transform;
  if (fields.has("resize_mode")) {
    parse_placement(fields, transform);
  } else {
    parse_sizes(file, context.image_size, transform);
  }
  if (transform.resize_mode != ResizeMode::kShorterSide) {
    transform.shorter_side = transform.image_size;
  }
  if (transform.resize_mode != ResizeMode::kNone) transform.filter = parse_filter(file);
  parse_numbers(file, transform);
  return transform;
}

}  // namespace

bool has_image_processor(std::string_view text, const std::string& where) {
  return ConfigFields(parse_json_object<json>(text, where), where).has(kNested);
}

ImageTransform parse_transform(std::string_view text, const std::string& where,
                               const TransformContext& context) {
  const json object = parse_json_object<json>(text, where);
  const ConfigFields fields(object, where);
  const bool is_nested = fields.has(kNested);
  return parse_fields(is_nested ? fields.fields(kNested) : fields, is_nested, context);
}

namespace {

json square(int side) { return {{"height", side}, {"width", side}}; }

/// `size`, and which class takes that form of it.
void write_size(const ImageTransform& transform, json& object) {
  const json box = {{"height", transform.resized_height}, {"width", transform.resized_width}};
  switch (transform.resize_mode) {
    case ResizeMode::kNone:
      object["do_resize"] = false;
      return;
    case ResizeMode::kSquash:
    case ResizeMode::kPlaceOnBackground:
      if (transform.resized_width > 0) object["size"] = box;
      return;
    case ResizeMode::kShorterSide:
      object["size"] = {{"shortest_edge", transform.shorter_side}};
      if (transform.longest_side == 0) return;
      object["size"]["longest_edge"] = transform.longest_side;
      break;
    case ResizeMode::kWithinBox:
      object["size"] = {{"max_height", transform.resized_height},
                        {"max_width", transform.resized_width}};
      break;
  }
  object["image_processor_type"] = "CLIPImageProcessorFast";  // the other one heeds neither
}

}  // namespace

std::string format_transform(const ImageTransform& transform) {
  json object = {{"image_processor_type", "BlipImageProcessor"},
                 {"do_convert_rgb", true},
                 {"do_resize", true},
                 {"size", square(transform.image_size)},
                 {"resample", static_cast<int>(transform.filter)},
                 {"do_rescale", true},
                 {"rescale_factor", transform.rescale},
                 {"do_normalize", true},
                 {"image_mean", transform.mean},
                 {"image_std", transform.std}};
  if (transform.resize_mode == ResizeMode::kPlaceOnBackground) {
    object["resize_mode"] = "place_on_background";
    object["fill"] = transform.fill;
    object["background"] = transform.background;
  } else if (transform.resize_mode != ResizeMode::kSquash || transform.resized_width > 0) {
    object["image_processor_type"] = "CLIPImageProcessor";
    object["do_center_crop"] = transform.center_crop;
    object["crop_size"] = square(transform.image_size);
    write_size(transform, object);
  }
  return object.dump(2);
}

}  // namespace blip2
