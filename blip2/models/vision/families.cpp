// The list of image encoder families. A new family is its own file and a line here.
#include "blip2/models/vision/families.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/models/vision/dinov2.h"
#include "blip2/models/vision/efficientnet.h"
#include "blip2/models/vision/siglip.h"
#include "blip2/models/vision/vit_family.h"

namespace blip2 {
namespace {

const ImageEncoderFamily* find_family(std::string_view model_type) {
  for (const ImageEncoderFamily& family : image_encoder_families()) {
    const std::vector<std::string>& types = family.model_types;
    if (std::find(types.begin(), types.end(), model_type) != types.end()) return &family;
  }
  return nullptr;
}

/// "a, b or c".
std::string known_types() {
  std::vector<std::string> types;
  for (const ImageEncoderFamily& family : image_encoder_families()) {
    types.insert(types.end(), family.model_types.begin(), family.model_types.end());
  }
  std::string text = types.front();
  for (size_t i = 1; i < types.size(); ++i) {
    text += (i + 1 == types.size() ? " or " : ", ") + types[i];
  }
  return text;
}

}  // namespace

const std::vector<ImageEncoderFamily>& image_encoder_families() {
  // clang-format off: a line each
  static const std::vector<ImageEncoderFamily> families = {
      blip2_vit_family(),
      blip_vit_family(),
      clip_vit_family(),
      dinov2_family(),
      siglip_family(),
      efficientnet_family(),
  };
  // clang-format on
  return families;
}

int64_t ImageEncoderShape::size(std::string_view name) const {
  const auto found = std::find_if(sizes.begin(), sizes.end(),
                                  [&](const auto& size) { return size.first == name; });
  BLIP2_CHECK(found != sizes.end());
  return found->second;
}

bool is_image_encoder(std::string_view model_type) { return find_family(model_type) != nullptr; }

ImageEncoderShape parse_image_encoder(const ConfigFields& fields) {
  const std::string type = fields.text("model_type", "blip_2_vision_model");
  const ImageEncoderFamily* family = find_family(type);
  if (family == nullptr) {
    fail(ErrorCode::kUnsupported, "{}: model_type: expected {}, found {}", fields.where(),
         known_types(), quote(type));
  }
  return family->parse(fields);
}

ImageEncoderShape parse_image_encoder(std::string_view json, const std::string& where) {
  const nlohmann::ordered_json object = parse_json_object<nlohmann::ordered_json>(json, where);
  return parse_image_encoder(ConfigFields(object, where));
}

}  // namespace blip2
