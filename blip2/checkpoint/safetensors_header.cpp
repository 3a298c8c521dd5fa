// The header both ways; its parser sees duplicate keys.
#include "blip2/checkpoint/safetensors_header.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <unordered_set>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/base/shape_text.h"
#include "blip2/checkpoint/dtypes.h"
#include "blip2/checkpoint/mapped_tensor.h"

namespace blip2 {
namespace {

constexpr std::string_view kMetadataKey = "__metadata__";

/// Receives the header from the JSON parser, event by event, so that duplicate keys are seen and
/// nothing but the entries is kept in memory. Every method that returns does so with true: faults
/// throw.
class HeaderReader {
 public:
  explicit HeaderReader(const std::string& path) : path_(path) {}

  SafetensorsHeader take() { return std::move(header_); }

  /// Some writers have null for no metadata, and the reference reads it.
  bool null() { return (place_ == Place::kTop && name_ == kMetadataKey) || reject("null"); }
  bool boolean(bool) { return reject("a truth value"); }
  bool number_integer(int64_t) { return reject("a negative number"); }
  bool number_float(double, const std::string&) { return reject("a fraction"); }
  template <typename Binary>
  bool binary(Binary&) {
    return reject("binary data");
  }

  bool number_unsigned(uint64_t value) {
    if (place_ == Place::kShape) {
      if (shape_.size() >= kMaxDimensions ||
          value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        fail(ErrorCode::kCorruptData, "{}: tensor {} has an impossible shape", path_, quote(name_));
      }
      shape_.push_back(static_cast<int64_t>(value));
    } else if (place_ == Place::kOffsets && offsets_.size() < 2) {
      offsets_.push_back(value);
    } else {
      reject("a number");
    }
    return true;
  }

  bool string(std::string& value) {
    if (place_ == Place::kMetadata) {
      header_.metadata[field_] = value;
    } else if (place_ == Place::kEntry && field_ == "dtype") {
      dtype_ = value;
    } else {
      reject("a string");
    }
    return true;
  }

  bool start_object(size_t) {
    if (place_ == Place::kOutside) {
      place_ = Place::kTop;
    } else if (place_ == Place::kTop) {
      place_ = name_ == kMetadataKey ? Place::kMetadata : Place::kEntry;
      fields_.clear();
      shape_.clear();
      offsets_.clear();
    } else {
      reject("an object");
    }
    return true;
  }

  bool key(std::string& value) {
    if (place_ == Place::kTop) {
      if (!names_.insert(value).second) {
        fail(ErrorCode::kCorruptData, "{}: the header has {} twice", path_, quote(value));
      }
      name_ = value;
      return true;
    }
    if (place_ == Place::kEntry && value != "dtype" && value != "shape" &&
        value != "data_offsets") {
      fail(ErrorCode::kCorruptData, "{}: tensor {} has an unknown field {}", path_, quote(name_),
           quote(value));
    }
    if (!fields_.insert(value).second) {
      fail(ErrorCode::kCorruptData, "{}: {} of the header has {} twice", path_, quote(name_),
           quote(value));
    }
    field_ = value;
    return true;
  }

  bool end_object() {
    if (place_ == Place::kEntry) finish_entry();
    place_ = place_ == Place::kTop ? Place::kOutside : Place::kTop;
    return true;
  }

  bool start_array(size_t) {
    if (place_ == Place::kEntry && field_ == "shape") {
      place_ = Place::kShape;
    } else if (place_ == Place::kEntry && field_ == "data_offsets") {
      place_ = Place::kOffsets;
    } else {
      reject("an array");
    }
    return true;
  }

  bool end_array() {
    place_ = Place::kEntry;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) {
    fail(ErrorCode::kCorruptData, "{}: the header is no valid JSON at its byte {}", path_,
         position);
  }

 private:
  enum class Place { kOutside, kTop, kMetadata, kEntry, kShape, kOffsets };

  bool reject(const char* found) {
    fail(ErrorCode::kCorruptData, "{}: the header has {} where none belongs, near {}", path_, found,
         quote(name_));
  }

  void finish_entry();

  const std::string& path_;
  Place place_ = Place::kOutside;
  std::string name_;
  std::string field_;
  std::string dtype_;
  std::vector<int64_t> shape_;
  std::vector<uint64_t> offsets_;
  std::set<std::string> fields_;
  std::unordered_set<std::string> names_;
  SafetensorsHeader header_;
};

void HeaderReader::finish_entry() {
  if (fields_.size() != 3 || offsets_.size() != 2) {
    fail(ErrorCode::kCorruptData, "{}: tensor {} needs a dtype, a shape and two data_offsets",
         path_, quote(name_));
  }
  const std::span<const DtypeNames> known_dtypes = dtypes();
  const auto known = std::find_if(
      known_dtypes.begin(), known_dtypes.end(),
      [&](const DtypeNames& names) { return !dtype_.empty() && names.safetensors == dtype_; });
  if (known == known_dtypes.end()) {
    fail(ErrorCode::kUnsupported, "{}: tensor {} has the dtype {}, which is not supported", path_,
         quote(name_), quote(dtype_));
  }
  const std::optional<int64_t> num_elements = count_elements(shape_);
  if (!num_elements) {
    fail(ErrorCode::kCorruptData, "{}: tensor {} has an impossible shape {}", path_, quote(name_),
         shape_text(shape_));
  }
  const uint64_t size_bytes = static_cast<uint64_t>(*num_elements) * c10::elementSize(known->dtype);
  if (offsets_[1] < offsets_[0] || offsets_[1] - offsets_[0] != size_bytes) {
    fail(ErrorCode::kCorruptData,
         "{}: tensor {} of dtype {} and shape {} needs {} bytes, its data_offsets are [{}, {}]",
         path_, quote(name_), dtype_, shape_text(shape_), size_bytes, offsets_[0], offsets_[1]);
  }
  header_.entries.push_back({{name_, known->dtype, shape_}, offsets_[0], offsets_[1]});
}

std::string json_string(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    fail(ErrorCode::kInvalidArgument, "{} cannot be written to a safetensors header: not UTF-8",
         quote(text));
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json, const std::string& path) {
  if (json.empty() || json.front() != '{') {
    fail(ErrorCode::kCorruptData, "{}: the header does not start with '{{'", path);
  }
  // The JSON parser takes a zero byte for the end of its input; here it is a fault.
  if (json.find('\0') != std::string_view::npos) {
    fail(ErrorCode::kCorruptData, "{}: the header has a zero byte", path);
  }
  HeaderReader reader(path);
  nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  return reader.take();
}

std::string format_safetensors_header(const std::vector<TensorInfo>& tensors,
                                      const StringMetadata& metadata) {
  std::string json = "{\"__metadata__\":{";
  for (const auto& [key, value] : metadata) {
    json +=
        fmt::format("{}{}:{}", json.back() == '{' ? "" : ",", json_string(key), json_string(value));
  }
  json += "}";
  uint64_t begin_bytes = 0;
  for (const TensorInfo& info : tensors) {
    const std::optional<size_t> rank = safetensors_rank(info.dtype);
    const std::optional<int64_t> num_elements = count_elements(info.shape);
    BLIP2_CHECK(rank && num_elements);
    const uint64_t end_bytes =
        begin_bytes + static_cast<uint64_t>(*num_elements) * c10::elementSize(info.dtype);
    std::string shape = shape_text(info.shape);
    std::erase(shape, ' ');
    json += fmt::format(",{}:{{\"dtype\":\"{}\",\"shape\":{},\"data_offsets\":[{},{}]}}",
                        json_string(info.name), dtypes()[*rank].safetensors, shape, begin_bytes,
                        end_bytes);
    begin_bytes = end_bytes;
  }
  json += "}";
  json.append((8 - json.size() % 8) % 8, ' ');
  return json;
}

std::optional<size_t> safetensors_rank(at::ScalarType dtype) {
  for (size_t rank = 0; rank < dtypes().size(); ++rank) {
    const DtypeNames& names = dtypes()[rank];
    if (names.dtype == dtype && !names.safetensors.empty()) return rank;
  }
  return std::nullopt;
}

}  // namespace blip2
