// GGUF files made in a test: metadata as they are said, and tensors of zeros.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace blip2::testing {

/// What a file holds, by key or name; tests change a thing and write it.
struct SmallGguf {
  std::map<std::string, std::string> texts;
  std::map<std::string, uint32_t> numbers;
  std::map<std::string, float> fractions;
  std::map<std::string, bool> flags;
  std::map<std::string, std::vector<std::string>> text_lists;
  std::map<std::string, std::vector<int32_t>> number_lists;
  std::map<std::string, std::vector<uint64_t>> tensors;  ///< row-major shapes

  void write(const std::filesystem::path& path) const;
};

}  // namespace blip2::testing
