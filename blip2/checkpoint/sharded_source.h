// Several weight files that an index names: Hugging Face's *.index.json. It knows no file format.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "blip2/checkpoint/source.h"

namespace blip2 {

/// {"metadata": ..., "weight_map": {tensor: file}}. Every tensor must be in the file that the index
/// names; the other tensors of those files are part of the source, too. Files are in the folder of
/// the index.
class ShardedSource : public TensorSource {
 public:
  using OpenFile = std::function<std::unique_ptr<TensorSource>(const std::filesystem::path&)>;

  /// Opens each file once. Throws kNotFound or kCorruptData.
  ShardedSource(const std::filesystem::path& index, const OpenFile& open_file);

  const std::vector<TensorInfo>& infos() const override { return infos_; }
  bool has(const std::string& name) const override { return shard_of_.contains(name); }
  at::Tensor read(const std::string& name) const override;
  std::string describe() const override { return path_; }

 private:
  std::string path_;
  std::map<std::string, std::unique_ptr<TensorSource>> shards_;  ///< by file name
  std::map<std::string, const TensorSource*> shard_of_;          ///< by tensor
  std::vector<TensorInfo> infos_;
};

}  // namespace blip2
