// What the image tests share: the golden tables, their hash, and the noise that
// tools/make_image_goldens.py makes too.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "blip2/base/files.h"
#include "blip2/image/image.h"
#include "tests/support/tests_directory.h"

namespace blip2::testing {

inline std::filesystem::path golden_folder() {
  return testing::tests_directory() / "golden" / "image";
}

/// The rows of a table, split at tabs.
inline std::vector<std::vector<std::string>> read_table(const std::string& name) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream text(read_file(golden_folder() / name));
  for (std::string line; std::getline(text, line);) {
    std::istringstream fields(line);
    rows.emplace_back();
    for (std::string field; std::getline(fields, field, '\t');) rows.back().push_back(field);
  }
  if (rows.empty()) throw std::runtime_error(name + ": no rows");
  return rows;
}

/// FNV-1a, 64 bits, hexadecimal.
inline std::string hash(const std::vector<uint8_t>& bytes) {
  uint64_t value = 0xcbf29ce484222325ULL;
  for (const uint8_t byte : bytes) value = (value ^ byte) * 0x100000001b3ULL;
  return fmt::format("{:016x}", value);
}

inline std::vector<uint8_t> noise(uint32_t seed, size_t count) {
  std::vector<uint8_t> bytes(count);
  for (size_t i = 0; i < count; ++i) {
    uint32_t x = static_cast<uint32_t>(i) + seed * 0x9e3779b9U;
    x ^= x >> 16;
    x *= 0x85ebca6bU;
    x ^= x >> 13;
    x *= 0xc2b2ae35U;
    x ^= x >> 16;
    bytes[i] = static_cast<uint8_t>(x);
  }
  return bytes;
}

inline Image noise_image(uint32_t seed, int width, int height) {
  return {width, height, noise(seed, static_cast<size_t>(width) * static_cast<size_t>(height) * 3)};
}

inline ImageRgba noise_rgba(uint32_t seed, int width, int height) {
  ImageRgba image{width, height,
                  noise(seed, static_cast<size_t>(width) * static_cast<size_t>(height) * 4)};
  for (size_t i = 3; i < image.rgba.size(); i += 4) {
    image.rgba[i] = static_cast<uint8_t>(std::clamp((image.rgba[i] - 64) * 2, 0, 255));
  }
  return image;
}

inline std::string golden_picture(const std::string& name) {
  return read_file(golden_folder() / "pictures" / name);
}

}  // namespace blip2::testing
