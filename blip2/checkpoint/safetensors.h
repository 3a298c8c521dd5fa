// The safetensors format: a JSON header and raw tensors back to back. Reader and writer; the bytes
// written equal those of the reference implementation.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "blip2/base/files.h"
#include "blip2/checkpoint/safetensors_header.h"
#include "blip2/checkpoint/source.h"

namespace blip2 {

/// A memory-mapped safetensors file. The constructor checks the whole header against the rules of
/// the reference reader (sizes, holes, overlaps, trailing bytes, duplicate keys) and reads no
/// tensor. Throws kNotFound, kCorruptData or kUnsupported (packed 4- and 6-bit types).
class SafetensorsFile : public TensorSource {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::vector<TensorInfo>& infos() const override { return infos_; }
  bool has(const std::string& name) const override { return places_.contains(name); }
  at::Tensor read(const std::string& name) const override;
  std::string describe() const override { return file_->path().string(); }

  /// The strings under `__metadata__`; empty if there are none.
  const StringMetadata& metadata() const { return metadata_; }

 private:
  struct Place {
    size_t info = 0;          ///< index into infos_
    size_t offset_bytes = 0;  ///< from the start of the file
  };
  std::shared_ptr<const MappedFile> file_;
  std::vector<TensorInfo> infos_;
  std::map<std::string, Place> places_;
  StringMetadata metadata_;
};

/// Writes a safetensors file piece by piece, so that no second copy of a model is ever in memory
/// and a tensor may be larger than memory. Nothing is visible at the path until commit().
class SafetensorsWriter {
 public:
  /// `tensors` in any order. The file gets `__metadata__` = {"format": "pt"} and `metadata`.
  /// Throws kInvalidArgument (a name twice, the name "__metadata__"), kUnsupported (a dtype without
  /// a safetensors name) or kUnavailable (the disk).
  SafetensorsWriter(const std::filesystem::path& path, std::vector<TensorInfo> tensors,
                    const StringMetadata& metadata = {});

  /// The order in which the elements must be appended: dtype descending, then name ascending.
  const std::vector<TensorInfo>& layout() const { return layout_; }

  /// Appends the next elements (row-major) of the current tensor: the whole of it, or any part, of
  /// its dtype, on any device. A piece must not reach into the next tensor.
  void append(const at::Tensor& piece);

  /// Makes the file visible. Every element must have been appended.
  void commit();
  /// checksum() of the file's bytes so far.
  std::string checksum() const { return file_.checksum(); }

 private:
  void skip_finished();

  std::vector<TensorInfo> layout_;
  std::string path_;
  size_t current_ = 0;
  int64_t num_appended_ = 0;  ///< elements of the current tensor
  AtomicFile file_;
};

/// Writes all tensors. Those of other devices or layouts are made contiguous one at a time. Returns
/// checksum() of the file.
std::string write_safetensors(const std::filesystem::path& path,
                              const std::vector<StoredTensor>& tensors,
                              const StringMetadata& metadata = {});

}  // namespace blip2
