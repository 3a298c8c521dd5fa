// Patterns, folders and indices to a list of shards.
#include "blip2/data/shards/list.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "blip2/base/error.h"
#include "blip2/base/file_kind.h"
#include "blip2/base/files.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/list_files.h"
#include "blip2/base/python_json.h"
#include "blip2/base/text_file.h"
#include "blip2/data/shards/shard.h"

namespace blip2 {
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

constexpr size_t kMostShards = 1'000'000;

std::optional<int64_t> number_of(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text[0] == '-') return {};
  return value;
}

/// The alternatives between one pair of braces.
std::vector<std::string> alternatives(const std::string& pattern, std::string_view inside) {
  std::vector<std::string> found;
  if (const size_t dots = inside.find(".."); dots != std::string_view::npos) {
    const auto first = number_of(inside.substr(0, dots)), last = number_of(inside.substr(dots + 2));
    if (!first || !last || *last < *first || *last - *first >= int64_t{kMostShards}) {
      fail(ErrorCode::kInvalidArgument,
           "{}: expected {{FIRST..LAST}} with numbers in order, at most a million, found {{{}}}",
           pattern, inside);
    }
    for (int64_t i = *first; i <= *last; ++i) found.push_back(fmt::format("{:0{}}", i, dots));
    return found;
  }
  for (size_t begin = 0; begin <= inside.size();) {
    const size_t end = std::min(inside.find(',', begin), inside.size());
    found.emplace_back(inside.substr(begin, end - begin));
    begin = end + 1;
  }
  return found;
}

/// "successes" of img2dataset's report on a shard, if it is beside it.
std::optional<int64_t> reported_samples(const fs::path& shard) {
  fs::path report = shard;
  report.replace_filename(shard.stem().string() + "_stats.json");
  std::error_code error;
  if (!fs::is_regular_file(report, error)) return {};
  const Json json = read_json_object<Json>(report);
  return JsonFields(json, report.string()).integer("successes", at_least(0));
}

/// A shard, and how many samples it has where the index that names it says so.
struct FoundShard {
  fs::path path;
  std::optional<int64_t> num_samples = std::nullopt;
};

ShardEntry counted(FoundShard shard) {
  if (!shard.num_samples) shard.num_samples = reported_samples(shard.path);
  const int64_t size = shard.num_samples ? *shard.num_samples : Shard(shard.path).size();
  return {std::move(shard.path), size};
}

void add_index(const fs::path& index, const fs::path& root, std::vector<FoundShard>& shards) {
  const Json json = try_parse_json<Json>(read_text_file(index)).value_or(Json());
  if (!json.is_object() || !json.contains("shardlist")) {
    fail(ErrorCode::kCorruptData,
         "{}: expected an object with a \"shardlist\", as widsindex writes", index.string());
  }
  const fs::path base = root.empty() ? index.parent_path() : root;
  size_t place = 0;
  for (const Json& entry : JsonFields(json, index.string()).array("shardlist")) {
    const JsonFields fields(entry, fmt::format("{}: shardlist[{}]", index.string(), place++));
    shards.push_back({base / fields.text("url"), fields.integer("nsamples", at_least(0))});
  }
}

/// The first bytes of a file, by which its kind is told; "" where there is no such file.
std::string start_of(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return "";
  const auto size = std::min<uintmax_t>(fs::file_size(path, error), 512);
  return error ? "" : read_file_range(path, 0, static_cast<int64_t>(size));
}

/// Says what a file is that is given as a shard and is none by its name.
void require_tar(const fs::path& shard) {
  if (shard.extension() == ".tar") return;  // what is in it is looked at when it is opened
  const std::string start = start_of(shard);
  const std::string_view kind = file_kind(start);
  if (kind.empty() || kind == "a tar archive") return;
  fail(ErrorCode::kUnsupported, "{}: expected an uncompressed .tar shard, found {}{}",
       shard.string(), kind, file_kind_advice(start));
}

/// Of a folder without shards, what it has instead.
std::string other_shards_in(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) return "";
  const std::vector<fs::path> found = list_files(
      folder, {".gz", ".tgz", ".bz2", ".tbz", ".xz", ".txz", ".zst", ".zip", ".parquet"});
  if (found.empty()) return "";
  const std::string start = start_of(found.front());
  return fmt::format("; it holds {} compressed or other files, such as {}{}", found.size(),
                     found.front().filename().string(), file_kind_advice(start));
}

void add_place(const fs::path& place, const fs::path& root, std::vector<FoundShard>& shards) {
  std::error_code error;
  const size_t before = shards.size();
  if (place.extension() == ".json") {
    add_index(place, root, shards);
  } else if (fs::is_directory(place, error)) {
    for (fs::path& shard : list_files(place, {".tar"})) {
      shards.push_back({std::move(shard)});
    }
  } else {
    for (const std::string& shard : expand_braces(place.string())) {
      require_tar(shard);
      shards.push_back({shard});
    }
  }
  if (shards.size() == before) {
    fail(ErrorCode::kNotFound, "{}: expected .tar shards, found none{}", place.string(),
         other_shards_in(place));
  }
}

std::vector<FoundShard> find_shards(const std::vector<fs::path>& places, const fs::path& root) {
  std::vector<FoundShard> shards;
  for (const fs::path& place : places) add_place(place, root, shards);
  return shards;
}

}  // namespace

std::vector<std::string> expand_braces(const std::string& pattern) {
  const size_t open = pattern.find('{');
  const size_t close = pattern.find('}');
  if (open == std::string::npos && close == std::string::npos) return {pattern};
  if (open == std::string::npos || close == std::string::npos || close < open ||
      pattern.find('{', open + 1) < close) {
    fail(ErrorCode::kInvalidArgument, "{}: expected braces in pairs, not nested", pattern);
  }
  const std::vector<std::string> here =
      alternatives(pattern, std::string_view(pattern).substr(open + 1, close - open - 1));
  const std::vector<std::string> rest = expand_braces(pattern.substr(close + 1));
  if (here.size() * rest.size() > kMostShards) {
    fail(ErrorCode::kInvalidArgument, "{}: stands for more than a million shards", pattern);
  }
  std::vector<std::string> all;
  all.reserve(here.size() * rest.size());
  for (const std::string& middle : here) {
    for (const std::string& end : rest) all.push_back(pattern.substr(0, open) + middle + end);
  }
  return all;
}

std::vector<ShardEntry> list_shards(const std::vector<fs::path>& places, const fs::path& root) {
  std::vector<ShardEntry> shards;
  for (FoundShard& shard : find_shards(places, root)) shards.push_back(counted(std::move(shard)));
  return shards;
}

std::vector<fs::path> list_shard_paths(const std::vector<fs::path>& places, const fs::path& root) {
  std::vector<fs::path> paths;
  for (FoundShard& shard : find_shards(places, root)) {
    std::error_code error;
    if (!fs::is_regular_file(shard.path, error)) {
      fail(ErrorCode::kNotFound, "{}: expected a .tar shard, found none", shard.path.string());
    }
    paths.push_back(std::move(shard.path));
  }
  return paths;
}

}  // namespace blip2
