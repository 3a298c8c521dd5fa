// Files of torch.save: the zip form (since torch 1.6) and the legacy form before it. Pickles are
// read by a restricted unpickler (unpickler.h) that can build tensors and plain values and can run
// nothing.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "blip2/base/files.h"
#include "blip2/checkpoint/mapped_tensor.h"
#include "blip2/checkpoint/source.h"

namespace blip2 {

struct TorchArchiveOptions {
  /// Where the outermost dictionary holds no tensor itself, the first of these keys under which it
  /// has a dictionary is taken for the whole: {"model": state_dict, "optimizer": ...} gives the
  /// state_dict. Empty: everything is kept, under names such as "model.layer.weight".
  std::vector<std::string> unwrap_keys = {"model", "state_dict"};
};

/// A number or text stored beside the tensors.
using TorchValue = std::variant<bool, int64_t, double, std::string>;

/// A memory-mapped torch.save file. Nested dictionaries and lists are flattened with '.'; tensors
/// may share storages, and have strides and offsets, all of which are checked against the storages.
/// Objects of other classes beside the tensors (argparse.Namespace, numpy scalars) are ignored;
/// read() of the name of such an object throws kUnsupported and names the class. Throws kNotFound,
/// kCorruptData, or kUnsupported (compressed zip entries, big-endian data, a global that runs
/// programs, a file whose tensors all depend on unknown classes: the message names it).
class TorchArchive : public TensorSource {
 public:
  explicit TorchArchive(const std::filesystem::path& path, const TorchArchiveOptions& options = {});

  const std::vector<TensorInfo>& infos() const override { return infos_; }
  bool has(const std::string& name) const override { return tensors_.contains(name); }
  at::Tensor read(const std::string& name) const override;
  std::string describe() const override { return file_->path().string(); }

  /// Numbers and texts by their flattened names, of the whole file: unwrapping does not hide
  /// those beside the unwrapped dictionary ("epoch", "config.arch").
  const std::map<std::string, TorchValue>& metadata() const { return metadata_; }

 private:
  std::shared_ptr<const MappedFile> file_;
  std::vector<TensorInfo> infos_;
  std::map<std::string, MappedLayout> tensors_;
  std::map<std::string, TorchValue> metadata_;
  std::map<std::string, std::string> opaque_;  ///< the global, by the name of what it would make
};

}  // namespace blip2
