// Configurations of parts, as JSON text, with one value changed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace blip2 {

/// A `vision_config` with another image_size.
std::string with_image_size(std::string_view vision_json, int64_t image_size);

/// A language model's configuration with another `torch_dtype`.
std::string with_dtype(std::string_view language_json, const std::string& dtype);
/// The configuration of a T5 with the exact GELU in its feed-forward.
std::string with_exact_gelu(std::string_view language_json);
/// A language model's configuration, or generation_config.json, with another end token.
std::string with_end_token(std::string_view language_json, int64_t id);

}  // namespace blip2
