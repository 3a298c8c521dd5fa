// The file's header, its tensors' places, and reading them.
#include "blip2/checkpoint/gguf.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/base/shape_text.h"
#include "blip2/checkpoint/byte_reader.h"
#include "blip2/checkpoint/gguf_types.h"
#include "blip2/checkpoint/gguf_values.h"
#include "blip2/checkpoint/mapped_tensor.h"

namespace blip2 {
namespace {

constexpr uint32_t kDefaultAlignment = 32;
constexpr uint32_t kMaxTensorDimensions = 8;  // ggml has 4
constexpr int kDeepestArray = 4;
constexpr const char* kAlignmentKey = "general.alignment";

}  // namespace

/// Reads header, metadata and tensor table into a GgufFile.
class GgufFile::Parser {
 public:
  explicit Parser(GgufFile& file) : file_(file), reader_(file.file_->bytes(), file.describe()) {}

  void parse() {
    if (reader_.text(4) != "GGUF") {
      fail(ErrorCode::kCorruptData, "{}: not a GGUF file", reader_.path());
    }
    const auto version = reader_.read<uint32_t>();
    if (version != 2 && version != 3) {
      fail(ErrorCode::kUnsupported, "{}: {}GGUF version {}, only 2 and 3 are read", reader_.path(),
           (version & 0xFFFF) == 0 ? "big-endian file or " : "", version);
    }
    const auto num_tensors = read_count("tensors", 24);
    const auto num_values = read_count("metadata values", 13);
    for (uint64_t i = 0; i < num_values; ++i) parse_value();
    for (uint64_t i = 0; i < num_tensors; ++i) parse_tensor();
    place_data();
  }

 private:
  /// A count whose items take at least `item_bytes` each must fit the file.
  uint64_t read_count(const char* what, uint64_t item_bytes) {
    const auto count = reader_.read<uint64_t>();
    if (count > reader_.remaining() / item_bytes) {
      fail(ErrorCode::kCorruptData, "{}: claims {} {}, {} bytes remain", reader_.path(), count,
           what, reader_.remaining());
    }
    return count;
  }

  uint32_t read_value_type(const std::string& key) {
    const auto type = reader_.read<uint32_t>();
    if (type >= kNumValueTypes) {
      fail(ErrorCode::kCorruptData, "{}: {} has the unknown value type {}", reader_.path(),
           quote(key), type);
    }
    return type;
  }

  void parse_value() {
    const std::string key(reader_.text(reader_.read<uint64_t>()));
    Value value;
    value.type = read_value_type(key);
    if (value.type == kArray) {
      value.is_array = true;
      value.type = read_value_type(key);
      value.count = read_count("array elements", smallest_bytes(value.type));
    }
    value.offset_bytes = reader_.position();
    skip_elements(key, value.type, value.count, 0);
    if (!file_.values_.emplace(key, value).second) {
      fail(ErrorCode::kCorruptData, "{}: the key {} occurs twice", reader_.path(), quote(key));
    }
  }

  void skip_elements(const std::string& key, uint32_t type, uint64_t count, int depth) {
    if (type == kString) {
      for (uint64_t i = 0; i < count; ++i) reader_.skip(reader_.read<uint64_t>());
    } else if (type == kArray) {
      if (depth >= kDeepestArray) {
        fail(ErrorCode::kUnsupported, "{}: {} has arrays nested too deeply", reader_.path(),
             quote(key));
      }
      for (uint64_t i = 0; i < count; ++i) {
        const uint32_t inner = read_value_type(key);
        const uint64_t inner_count = read_count("array elements", smallest_bytes(inner));
        skip_elements(key, inner, inner_count, depth + 1);
      }
    } else {
      reader_.skip(count * smallest_bytes(type));
    }
  }

  void parse_tensor() {
    TensorInfo info;
    info.name = reader_.text(reader_.read<uint64_t>());
    const auto num_dimensions = reader_.read<uint32_t>();
    if (num_dimensions > kMaxTensorDimensions) {
      fail(ErrorCode::kCorruptData, "{}: tensor {} has {} dimensions", reader_.path(),
           quote(info.name), num_dimensions);
    }
    for (uint32_t i = 0; i < num_dimensions; ++i) info.shape.push_back(reader_.read<int64_t>());
    std::reverse(info.shape.begin(), info.shape.end());
    Place place;
    place.type = reader_.read<uint32_t>();
    place.offset_bytes = reader_.read<uint64_t>();
    const GgufType* type = find_gguf_type(place.type);
    if (type == nullptr) {
      fail(ErrorCode::kUnsupported, "{}: tensor {} has the type number {}, which is not supported",
           reader_.path(), quote(info.name), place.type);
    }
    const std::optional<int64_t> num_elements = count_elements(info.shape);
    const int64_t row = info.shape.empty() ? 1 : info.shape.back();
    if (!num_elements || row % type->block_elements != 0) {
      fail(ErrorCode::kCorruptData, "{}: tensor {} of type {} has an impossible shape {}",
           reader_.path(), quote(info.name), type->name, shape_text(info.shape));
    }
    place.size_bytes =
        static_cast<size_t>(*num_elements / type->block_elements * type->block_bytes);
    info.dtype = type->dtype;
    if (!file_.places_.emplace(info.name, place).second) {
      fail(ErrorCode::kCorruptData, "{}: two tensors are named {}", reader_.path(),
           quote(info.name));
    }
    file_.infos_.push_back(std::move(info));
  }

  uint64_t read_alignment() {
    if (!file_.has_key(kAlignmentKey)) return kDefaultAlignment;
    const uint64_t alignment = file_.get_uint(kAlignmentKey);
    if (alignment == 0 || alignment > (1u << 20) || (alignment & (alignment - 1)) != 0) {
      fail(ErrorCode::kCorruptData, "{}: the alignment {} is no power of two up to 2^20",
           reader_.path(), alignment);
    }
    return alignment;
  }

  /// Turns offsets in the data section into offsets in the file; checks bounds and overlaps.
  void place_data() {
    const uint64_t alignment = read_alignment();
    const uint64_t unaligned = reader_.position() % alignment;
    // A file without tensors may end before the padding.
    if (!file_.infos_.empty() && unaligned != 0) reader_.skip(alignment - unaligned);
    const size_t data_begin = reader_.position();
    const size_t data_bytes = reader_.remaining();
    std::vector<std::pair<std::string, Place*>> by_offset;
    for (auto& [name, place] : file_.places_) {
      if (place.offset_bytes % alignment != 0 || place.offset_bytes > data_bytes ||
          place.size_bytes > data_bytes - place.offset_bytes) {
        fail(ErrorCode::kCorruptData,
             "{}: tensor {} of {} bytes at data byte {} is outside the {} data bytes or unaligned",
             reader_.path(), quote(name), place.size_bytes, place.offset_bytes, data_bytes);
      }
      by_offset.emplace_back(name, &place);
    }
    const auto range = [](const Place& place) {
      return std::pair(place.offset_bytes, place.size_bytes);
    };
    std::sort(by_offset.begin(), by_offset.end(),
              [&](const auto& a, const auto& b) { return range(*a.second) < range(*b.second); });
    size_t previous_end = 0;
    for (auto& [name, place] : by_offset) {
      if (place->offset_bytes < previous_end) {
        fail(ErrorCode::kCorruptData, "{}: tensor {} overlaps another", reader_.path(),
             quote(name));
      }
      previous_end = place->offset_bytes + place->size_bytes;
      place->offset_bytes += data_begin;
    }
    std::sort(file_.infos_.begin(), file_.infos_.end(),
              [](const TensorInfo& a, const TensorInfo& b) { return a.name < b.name; });
    for (size_t i = 0; i < file_.infos_.size(); ++i) {
      file_.places_.at(file_.infos_[i].name).info = i;
    }
  }

  GgufFile& file_;
  ByteReader reader_;
};

GgufFile::GgufFile(const std::filesystem::path& path) : file_(std::make_shared<MappedFile>(path)) {
  Parser(*this).parse();
}

const GgufFile::Place& GgufFile::place(const std::string& tensor) const {
  const auto found = places_.find(tensor);
  if (found == places_.end()) {
    fail(ErrorCode::kNotFound, "{}: no tensor is named {}", describe(), quote(tensor));
  }
  return found->second;
}

std::string GgufFile::type_name(const std::string& tensor) const {
  return std::string(find_gguf_type(place(tensor).type)->name);
}

std::span<const std::byte> GgufFile::stored_bytes(const std::string& tensor) const {
  const Place& found = place(tensor);
  return file_->bytes().subspan(found.offset_bytes, found.size_bytes);
}

at::Tensor GgufFile::read(const std::string& name) const {
  const Place& found = place(name);
  const TensorInfo& info = infos_[found.info];
  const GgufType& type = *find_gguf_type(found.type);
  if (type.dequantize == nullptr) {
    return map_tensor(file_, {info.dtype, info.shape, {}, found.offset_bytes});
  }
  const at::Tensor tensor = at::empty(info.shape, at::TensorOptions().dtype(at::kFloat));
  const std::byte* blocks = stored_bytes(name).data();
  auto* out = tensor.mutable_data_ptr<float>();
  constexpr int64_t kBlocksAtOnce = 4096;
  at::parallel_for(0, tensor.numel() / type.block_elements, kBlocksAtOnce,
                   [&](int64_t begin, int64_t end) {
                     type.dequantize(blocks + begin * type.block_bytes, end - begin,
                                     out + begin * type.block_elements);
                   });
  return tensor;
}

}  // namespace blip2
