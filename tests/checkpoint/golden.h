// What the tests of this room share: the goldens and what they should hold
// (tools/make_checkpoint_goldens.py), files for one test, and the harness for bad input.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/checkpoint/open_source.h"
#include "blip2/checkpoint/source.h"
#include "tests/support/assets.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tests_directory.h"

namespace blip2::checkpoint_test {

using testing::TemporaryFolder;

inline std::filesystem::path golden_folder() {
  return testing::tests_directory() / "golden" / "checkpoint";
}

/// CRC-32 as zlib's, a byte at a time.
inline uint32_t crc32(const void* data, size_t size_bytes) {
  static const std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> entries{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? 0xEDB88320u : 0u);
      entries[i] = value;
    }
    return entries;
  }();
  uint32_t crc = ~0u;
  const auto* bytes = static_cast<const unsigned char*>(data);
  for (size_t i = 0; i < size_bytes; ++i) crc = (crc >> 8) ^ table[(crc ^ bytes[i]) & 0xFF];
  return ~crc;
}

inline std::string golden_dtype(at::ScalarType dtype) {
  static const std::map<at::ScalarType, std::string> names = {
      {at::ScalarType::Float, "float32"},
      {at::ScalarType::Double, "float64"},
      {at::ScalarType::Half, "float16"},
      {at::ScalarType::BFloat16, "bfloat16"},
      {at::ScalarType::Long, "int64"},
      {at::ScalarType::Int, "int32"},
      {at::ScalarType::Short, "int16"},
      {at::ScalarType::Char, "int8"},
      {at::ScalarType::Byte, "uint8"},
      {at::ScalarType::UInt16, "uint16"},
      {at::ScalarType::UInt32, "uint32"},
      {at::ScalarType::UInt64, "uint64"},
      {at::ScalarType::Bool, "bool"},
      {at::ScalarType::ComplexFloat, "complex64"},
      {at::ScalarType::Float8_e4m3fn, "float8_e4m3fn"},
      {at::ScalarType::Float8_e5m2, "float8_e5m2"},
  };
  return names.at(dtype);
}

/// "dtype shape crc" of a tensor, in the words of expected.txt.
inline std::string summarise(const at::Tensor& tensor) {
  EXPECT_TRUE(tensor.is_contiguous());
  std::string shape;
  for (const int64_t size : tensor.sizes()) {
    shape += (shape.empty() ? "" : ",") + std::to_string(size);
  }
  const uint32_t crc = tensor.numel() == 0 ? 0 : crc32(tensor.const_data_ptr(), tensor.nbytes());
  return fmt::format("{} {} {:08x}", golden_dtype(tensor.scalar_type()),
                     shape.empty() ? "scalar" : shape, crc);
}

/// The lines of expected.txt for a file: summary by tensor name.
inline std::map<std::string, std::string> expected(const std::string& file) {
  std::ifstream stream(golden_folder() / "expected.txt");
  std::map<std::string, std::string> found;
  std::string line;
  while (std::getline(stream, line)) {
    std::istringstream words(line);
    std::string where, name, rest;
    words >> where >> name;
    std::getline(words >> std::ws, rest);
    if (where == file) found[name] = rest;
  }
  return found;
}

inline std::map<std::string, std::string> summarise(const TensorSource& source) {
  std::map<std::string, std::string> found;
  for (const TensorInfo& info : source.infos()) {
    const at::Tensor tensor = source.read(info.name);
    EXPECT_EQ(tensor.sizes().vec(), info.shape) << info.name;
    EXPECT_EQ(tensor.scalar_type(), info.dtype) << info.name;
    EXPECT_TRUE(source.has(info.name));
    found[info.name] = summarise(tensor);
  }
  return found;
}

inline void write_bytes(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), std::ssize(bytes));
}

/// The message of the Error that `action` throws; a fault if it throws none, or one of several
/// lines.
inline std::string error_of(const std::function<void()>& action) {
  const auto [code, message] = testing::error_of(action);
  EXPECT_FALSE(message.empty());
  EXPECT_NE(code, ErrorCode::kInternal) << message;
  return message;
}

/// The message with which the bytes are refused when they are opened as `open_source` does, and
/// every tensor is read.
inline std::string refusal(std::string_view bytes) {
  const TemporaryFolder folder;
  write_bytes(folder / "file", bytes);
  return error_of([&] { summarise(*open_source(folder / "file")); });
}

/// Appends little-endian numbers and texts: for files made in a test.
class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(std::string_view start) : bytes_(start) {}
  Bytes& text(std::string_view value) {
    bytes_ += value;
    return *this;
  }
  template <typename T>
  Bytes& number(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  const std::string& str() const { return bytes_; }
  size_t size() const { return bytes_.size(); }

 private:
  std::string bytes_;
};

}  // namespace blip2::checkpoint_test
