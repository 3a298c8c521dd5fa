// An index, and one source over its shards.
#include "blip2/checkpoint/sharded_source.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/quote.h"

namespace blip2 {
namespace {

constexpr uintmax_t kMaxIndexBytes = 10'000'000;  // parsed, it may take 60 times as much

std::map<std::string, std::string> read_weight_map(const std::filesystem::path& index) {
  std::error_code error;
  if (std::filesystem::file_size(index, error) > kMaxIndexBytes && !error) {
    fail(ErrorCode::kCorruptData, "{}: an index of more than {} bytes", index.string(),
         kMaxIndexBytes);
  }
  const nlohmann::json json = nlohmann::json::parse(read_file(index), nullptr, false);
  const auto weight_map = json.is_object() ? json.find("weight_map") : json.end();
  if (!json.is_object() || weight_map == json.end() || !weight_map->is_object()) {
    fail(ErrorCode::kCorruptData, "{}: expected a JSON object with a \"weight_map\"",
         index.string());
  }
  std::map<std::string, std::string> files;
  for (const auto& [tensor, file] : weight_map->items()) {
    const std::string name = file.is_string() ? file.get<std::string>() : std::string();
    // An index must not reach outside its folder.
    if (name.empty() || name == "." || name == ".." ||
        name.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos) {
      fail(ErrorCode::kCorruptData, "{}: tensor {} has {} for a file name", index.string(),
           quote(tensor), file.is_string() ? quote(name) : "no text");
    }
    files[tensor] = name;
  }
  return files;
}

/// Throws where the shard knows why it lacks the tensor.
void explain_missing(const TensorSource& shard, const std::string& tensor) {
  try {
    shard.read(tensor);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kUnsupported) throw;
  }
}

}  // namespace

ShardedSource::ShardedSource(const std::filesystem::path& index, const OpenFile& open_file)
    : path_(index.string()) {
  for (const auto& [tensor, file] : read_weight_map(index)) {
    std::unique_ptr<TensorSource>& shard = shards_[file];
    if (shard == nullptr) shard = open_file(index.parent_path() / file);
    if (!shard->has(tensor)) {
      explain_missing(*shard, tensor);
      fail(ErrorCode::kCorruptData, "{}: tensor {} should be in {}, which lacks it", path_,
           quote(tensor), quote(file));
    }
    shard_of_[tensor] = shard.get();
  }
  for (const auto& [file, shard] : shards_) {
    for (const TensorInfo& info : shard->infos()) {
      const bool is_here =
          shard_of_.try_emplace(info.name, shard.get()).first->second == shard.get();
      if (is_here) infos_.push_back(info);
    }
  }
  std::sort(infos_.begin(), infos_.end(),
            [](const TensorInfo& a, const TensorInfo& b) { return a.name < b.name; });
}

at::Tensor ShardedSource::read(const std::string& name) const {
  const auto found = shard_of_.find(name);
  if (found == shard_of_.end()) {
    fail(ErrorCode::kNotFound, "{}: no tensor is named {}", path_, quote(name));
  }
  return found->second->read(name);
}

}  // namespace blip2
