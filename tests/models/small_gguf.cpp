// The bytes of a GGUF file, value by value.
#include "tests/models/small_gguf.h"

#include <cstring>

#include "blip2/base/files.h"

namespace blip2::testing {
namespace {

/// The numbers of GGUF's value types.
enum ValueType : uint32_t {
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9
};

template <typename T>
void put(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

void put(std::string& out, const std::string& text) {
  put<uint64_t>(out, text.size());
  out += text;
}

template <typename T>
void put_all(std::string& out, ValueType type, const std::map<std::string, T>& values) {
  for (const auto& [key, value] : values) {
    put(out, key);
    put(out, type);
    put(out, value);
  }
}

template <typename T>
void put_lists(std::string& out, ValueType type, const std::map<std::string, T>& lists) {
  for (const auto& [key, values] : lists) {
    put(out, key);
    put(out, kArray);
    put(out, type);
    put<uint64_t>(out, values.size());
    for (const auto& value : values) put(out, value);
  }
}

}  // namespace

void SmallGguf::write(const std::filesystem::path& path) const {
  std::string out = "GGUF";
  put<uint32_t>(out, 3);
  put<uint64_t>(out, tensors.size());
  put<uint64_t>(out, texts.size() + numbers.size() + fractions.size() + flags.size() +
                         text_lists.size() + number_lists.size());
  put_all(out, kString, texts);
  put_all(out, kUint32, numbers);
  put_all(out, kFloat32, fractions);
  put_all(out, kBool, flags);
  put_lists(out, kString, text_lists);
  put_lists(out, kInt32, number_lists);
  uint64_t offset = 0;
  for (const auto& [name, shape] : tensors) {
    put(out, name);
    put<uint32_t>(out, static_cast<uint32_t>(shape.size()));
    uint64_t elements = 1;
    for (auto size = shape.rbegin(); size != shape.rend(); ++size) {
      put<uint64_t>(out, *size);
      elements *= *size;
    }
    put<uint32_t>(out, 0);  // F32
    put<uint64_t>(out, offset);
    offset = (offset + 4 * elements + 31) / 32 * 32;
  }
  out.resize((out.size() + 31) / 32 * 32 + offset, '\0');
  write_file_atomic(path, out);
}

}  // namespace blip2::testing
