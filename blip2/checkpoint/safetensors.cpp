// The reader: header, coverage, and views of the file.
#include "blip2/checkpoint/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/checkpoint/mapped_tensor.h"
#include "blip2/checkpoint/safetensors_header.h"

static_assert(std::endian::native == std::endian::little, "weight files are little-endian");

namespace blip2 {
namespace {

constexpr size_t kLengthBytes = 8;

/// The ranges must cover the data section without holes, overlaps or a rest.
void check_coverage(std::vector<SafetensorsEntry>& entries, uint64_t data_bytes,
                    const std::string& path) {
  std::sort(entries.begin(), entries.end(),
            [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
              return std::pair(a.begin_bytes, a.end_bytes) < std::pair(b.begin_bytes, b.end_bytes);
            });
  uint64_t expected = 0;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.begin_bytes != expected) {
      fail(ErrorCode::kCorruptData, "{}: tensor {} begins at data byte {}, expected {}", path,
           quote(entry.info.name), entry.begin_bytes, expected);
    }
    expected = entry.end_bytes;
  }
  if (expected != data_bytes) {
    fail(ErrorCode::kCorruptData, "{}: the tensors need {} data bytes, the file has {}", path,
         expected, data_bytes);
  }
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : file_(std::make_shared<MappedFile>(path)) {
  const std::span<const std::byte> bytes = file_->bytes();
  if (bytes.size() < kLengthBytes) {
    fail(ErrorCode::kCorruptData, "{}: {} bytes are too few for a safetensors file", describe(),
         bytes.size());
  }
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), kLengthBytes);
  if (header_bytes > kMaxSafetensorsHeaderBytes) {
    fail(ErrorCode::kCorruptData, "{}: the header claims {} bytes, at most {} are allowed",
         describe(), header_bytes, kMaxSafetensorsHeaderBytes);
  }
  if (header_bytes > bytes.size() - kLengthBytes) {
    fail(ErrorCode::kCorruptData, "{}: the header claims {} bytes, the file has {}", describe(),
         header_bytes, bytes.size());
  }
  const char* json = reinterpret_cast<const char*>(bytes.data()) + kLengthBytes;
  SafetensorsHeader header = parse_safetensors_header({json, header_bytes}, describe());
  const size_t data_begin = kLengthBytes + header_bytes;
  check_coverage(header.entries, bytes.size() - data_begin, describe());

  std::sort(header.entries.begin(), header.entries.end(),
            [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
              return a.info.name < b.info.name;
            });
  for (SafetensorsEntry& entry : header.entries) {
    places_[entry.info.name] = {infos_.size(), data_begin + entry.begin_bytes};
    infos_.push_back(std::move(entry.info));
  }
  metadata_ = std::move(header.metadata);
}

at::Tensor SafetensorsFile::read(const std::string& name) const {
  const auto found = places_.find(name);
  if (found == places_.end()) {
    fail(ErrorCode::kNotFound, "{}: no tensor is named {}", describe(), quote(name));
  }
  const TensorInfo& info = infos_[found->second.info];
  return map_tensor(file_, {info.dtype, info.shape, {}, found->second.offset_bytes});
}

}  // namespace blip2
