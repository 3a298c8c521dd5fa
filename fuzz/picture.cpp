// One picture format: inputs that start as another one are left to its own target.
#include <span>

#include "blip2/image/decode.h"
#include "fuzz/inputs.h"

namespace {

bool is_of_format(std::string_view bytes) {
  const std::string_view format = BLIP2_FUZZ_FORMAT;
  if (format == "jpeg") return bytes.starts_with("\xFF\xD8");
  if (format == "png") return bytes.starts_with("\x89PNG");
  if (format == "webp") return bytes.starts_with("RIFF");
  if (format == "gif") return bytes.starts_with("GIF8");
  return bytes.starts_with("BM");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (!is_of_format({reinterpret_cast<const char*>(data), size})) return -1;
  const auto bytes = std::as_bytes(std::span(data, size));
  const blip2::DecodeOptions options{.max_pixels = 1'000'000, .exif_rotate = true};
  blip2::fuzz::expect_answer([&] { blip2::decode(bytes, "picture", options); });
  blip2::fuzz::expect_answer([&] { blip2::decode_rgba(bytes, "picture", options); });
  return 0;
}
