// GGUF files, versions 2 and 3: typed metadata and (quantised) tensors. Reader only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "blip2/base/files.h"
#include "blip2/checkpoint/source.h"

namespace blip2 {

/// A memory-mapped GGUF file. Shapes are row-major, [out, in] for a matrix: the reverse of the
/// file's. F32, F16, BF16, F64 and the integer types are read as they are; Q4_0, Q4_1, Q5_0, Q5_1,
/// Q8_0, Q4_K, Q5_K and Q6_K are dequantised to float32, bit for bit as PyPI gguf's
/// `quants.dequantize`. Throws kNotFound, kCorruptData or kUnsupported (other types and versions,
/// big-endian files).
class GgufFile : public TensorSource {
 public:
  explicit GgufFile(const std::filesystem::path& path);

  const std::vector<TensorInfo>& infos() const override { return infos_; }
  bool has(const std::string& name) const override { return places_.contains(name); }
  at::Tensor read(const std::string& name) const override;
  std::string describe() const override { return file_->path().string(); }

  /// The storage type of a tensor: "F32", "Q4_1", ... Throws kNotFound.
  std::string type_name(const std::string& tensor) const;
  /// The bytes of a tensor as stored (blocks of its type). They live as long as this object.
  std::span<const std::byte> stored_bytes(const std::string& tensor) const;

  bool has_key(const std::string& key) const { return values_.contains(key); }
  std::vector<std::string> keys() const;

  /// Metadata by key. All throw kNotFound where the key is missing and kCorruptData where its value
  /// is of another type; get_uint takes any integer that is not negative, get_int any that fits,
  /// get_float any floating-point number.
  std::string get_string(const std::string& key) const;
  uint64_t get_uint(const std::string& key) const;
  int64_t get_int(const std::string& key) const;
  double get_float(const std::string& key) const;
  bool get_bool(const std::string& key) const;
  std::vector<std::string> get_string_array(const std::string& key) const;
  std::vector<int64_t> get_int_array(const std::string& key) const;
  std::vector<double> get_float_array(const std::string& key) const;

 private:
  struct Value {
    uint32_t type = 0;  ///< of the value, or of the elements of an array
    bool is_array = false;
    uint64_t count = 1;       ///< elements
    size_t offset_bytes = 0;  ///< of the first element, from the start of the file
  };
  struct Place {
    size_t info = 0;  ///< index into infos_
    uint32_t type = 0;
    size_t offset_bytes = 0;  ///< from the start of the file
    size_t size_bytes = 0;
  };
  class Parser;

  const Value& value(const std::string& key, bool is_array) const;
  const Place& place(const std::string& tensor) const;

  std::shared_ptr<const MappedFile> file_;
  std::vector<TensorInfo> infos_;
  std::map<std::string, Place> places_;
  std::map<std::string, Value> values_;
};

}  // namespace blip2
