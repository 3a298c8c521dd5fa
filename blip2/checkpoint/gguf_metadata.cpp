// The typed metadata of gguf.h.
#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/checkpoint/byte_reader.h"
#include "blip2/checkpoint/gguf.h"
#include "blip2/checkpoint/gguf_values.h"

namespace blip2 {

std::vector<std::string> GgufFile::keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : values_) keys.push_back(key);
  return keys;
}

const GgufFile::Value& GgufFile::value(const std::string& key, bool is_array) const {
  const auto found = values_.find(key);
  if (found == values_.end()) {
    fail(ErrorCode::kNotFound, "{}: the metadata lack the key {}", describe(), quote(key));
  }
  if (found->second.is_array != is_array) {
    fail(ErrorCode::kCorruptData, "{}: expected {} under the key {}, found {}", describe(),
         is_array ? "an array" : "one value", quote(key), is_array ? "one value" : "an array");
  }
  return found->second;
}

namespace {

[[noreturn]] void fail_with_type(const GgufFile& file, const std::string& key,
                                 const char* expected) {
  fail(ErrorCode::kCorruptData, "{}: expected {} under the key {}, found a value of another type",
       file.describe(), expected, quote(key));
}

}  // namespace

std::string GgufFile::get_string(const std::string& key) const {
  const Value& found = value(key, /*is_array=*/false);
  if (found.type != kString) fail_with_type(*this, key, "a text");
  ByteReader reader(file_->bytes(), describe());
  reader.seek(found.offset_bytes);
  return std::string(reader.text(reader.read<uint64_t>()));
}

uint64_t GgufFile::get_uint(const std::string& key) const {
  const Value& found = value(key, /*is_array=*/false);
  if (!is_integer(found.type)) fail_with_type(*this, key, "an integer");
  ByteReader reader(file_->bytes(), describe());
  reader.seek(found.offset_bytes);
  if (!is_signed(found.type)) return read_number<uint64_t>(reader, found.type);
  const auto number = read_number<int64_t>(reader, found.type);
  if (number < 0) {
    fail(ErrorCode::kCorruptData, "{}: expected no negative number under the key {}, found {}",
         describe(), quote(key), number);
  }
  return static_cast<uint64_t>(number);
}

int64_t GgufFile::get_int(const std::string& key) const {
  const Value& found = value(key, /*is_array=*/false);
  if (!is_integer(found.type)) fail_with_type(*this, key, "an integer");
  ByteReader reader(file_->bytes(), describe());
  reader.seek(found.offset_bytes);
  const auto number = read_number<int64_t>(reader, found.type);
  if (found.type == kUint64 && number < 0) fail_with_type(*this, key, "an integer of 63 bits");
  return number;
}

double GgufFile::get_float(const std::string& key) const {
  const Value& found = value(key, /*is_array=*/false);
  if (found.type != kFloat32 && found.type != kFloat64) fail_with_type(*this, key, "a fraction");
  ByteReader reader(file_->bytes(), describe());
  reader.seek(found.offset_bytes);
  return read_number<double>(reader, found.type);
}

bool GgufFile::get_bool(const std::string& key) const {
  const Value& found = value(key, /*is_array=*/false);
  if (found.type != kBool) fail_with_type(*this, key, "a truth value");
  return file_->bytes()[found.offset_bytes] != std::byte{0};
}

std::vector<std::string> GgufFile::get_string_array(const std::string& key) const {
  const Value& found = value(key, /*is_array=*/true);
  if (found.type != kString) fail_with_type(*this, key, "an array of texts");
  ByteReader reader(file_->bytes(), describe());
  reader.seek(found.offset_bytes);
  std::vector<std::string> texts;
  texts.reserve(found.count);
  for (uint64_t i = 0; i < found.count; ++i) {
    texts.emplace_back(reader.text(reader.read<uint64_t>()));
  }
  return texts;
}

std::vector<int64_t> GgufFile::get_int_array(const std::string& key) const {
  const Value& found = value(key, /*is_array=*/true);
  if (!is_integer(found.type)) fail_with_type(*this, key, "an array of integers");
  ByteReader reader(file_->bytes(), describe());
  reader.seek(found.offset_bytes);
  std::vector<int64_t> numbers;
  numbers.reserve(found.count);
  for (uint64_t i = 0; i < found.count; ++i) {
    numbers.push_back(read_number<int64_t>(reader, found.type));
    if (found.type == kUint64 && numbers.back() < 0) {
      fail_with_type(*this, key, "integers of 63 bits");
    }
  }
  return numbers;
}

std::vector<double> GgufFile::get_float_array(const std::string& key) const {
  const Value& found = value(key, /*is_array=*/true);
  if (found.type != kFloat32 && found.type != kFloat64) {
    fail_with_type(*this, key, "an array of fractions");
  }
  ByteReader reader(file_->bytes(), describe());
  reader.seek(found.offset_bytes);
  std::vector<double> numbers;
  numbers.reserve(found.count);
  for (uint64_t i = 0; i < found.count; ++i) {
    numbers.push_back(read_number<double>(reader, found.type));
  }
  return numbers;
}

}  // namespace blip2
