// Configurations of parts, as JSON text, with one value changed.
#include "blip2/models/configs/edits.h"

#include <nlohmann/json.hpp>

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;  // keeps the order of the keys

std::string with_field(std::string_view text, const char* name, const Json& value) {
  Json object = Json::parse(text);
  object[name] = value;
  return object.dump(2);
}

}  // namespace

std::string with_image_size(std::string_view vision_json, int64_t image_size) {
  return with_field(vision_json, "image_size", image_size);
}

std::string with_dtype(std::string_view language_json, const std::string& dtype) {
  return with_field(language_json, "torch_dtype", dtype);
}

std::string with_exact_gelu(std::string_view language_json) {
  return with_field(language_json, "dense_act_fn", "gelu");
}

std::string with_end_token(std::string_view language_json, int64_t id) {
  return with_field(language_json, "eos_token_id", id);
}

}  // namespace blip2
