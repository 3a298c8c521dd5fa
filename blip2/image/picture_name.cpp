// Compares extensions without case.
#include "blip2/image/picture_name.h"

#include <algorithm>

namespace blip2 {

const std::vector<std::string>& picture_extensions() {
  static const std::vector<std::string> extensions = {".jpg", ".jpeg", ".jpe", ".jfif",
                                                      ".png", ".webp", ".gif", ".bmp"};
  return extensions;
}

bool is_picture_name(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return false;
  std::string extension(name.substr(dot));
  std::ranges::transform(extension, extension.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return std::ranges::find(picture_extensions(), extension) != picture_extensions().end();
}

}  // namespace blip2
