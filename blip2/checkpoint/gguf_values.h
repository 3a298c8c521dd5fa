// The metadata values of a GGUF file: their type numbers, sizes, and how a number is read.
#pragma once

#include <cstdint>

#include "blip2/base/error.h"
#include "blip2/checkpoint/byte_reader.h"

namespace blip2 {

/// The type numbers of metadata values.
enum GgufValueType : uint32_t {
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kFloat32,
  kBool,
  kString,
  kArray,
  kUint64,
  kInt64,
  kFloat64,
  kNumValueTypes,
};

/// Bytes of a value of fixed size; for strings and arrays those of the smallest.
inline uint64_t smallest_bytes(uint32_t type) {
  constexpr uint64_t kBytes[kNumValueTypes] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};
  return kBytes[type];
}

/// Reads a number of any type as T, which the caller knows to be wide enough or checks.
template <typename T>
T read_number(ByteReader& reader, uint32_t type) {
  switch (type) {
    case kUint8:
    case kBool:
      return static_cast<T>(reader.read<uint8_t>());
    case kInt8:
      return static_cast<T>(reader.read<int8_t>());
    case kUint16:
      return static_cast<T>(reader.read<uint16_t>());
    case kInt16:
      return static_cast<T>(reader.read<int16_t>());
    case kUint32:
      return static_cast<T>(reader.read<uint32_t>());
    case kInt32:
      return static_cast<T>(reader.read<int32_t>());
    case kUint64:
      return static_cast<T>(reader.read<uint64_t>());
    case kInt64:
      return static_cast<T>(reader.read<int64_t>());
    case kFloat32:
      return static_cast<T>(reader.read<float>());
    case kFloat64:
      return static_cast<T>(reader.read<double>());
    default:
      BLIP2_CHECK(false);
      return T{};
  }
}

inline bool is_integer(uint32_t type) {
  return type != kFloat32 && type != kFloat64 && type != kBool && type != kString && type != kArray;
}
inline bool is_signed(uint32_t type) {
  return type == kInt8 || type == kInt16 || type == kInt32 || type == kInt64;
}

}  // namespace blip2
