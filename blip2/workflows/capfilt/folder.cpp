// Joining a job is a race that a lease decides; everything else is paths and small files.
#include "blip2/workflows/capfilt/folder.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/interrupt.h"
#include "blip2/base/json_text.h"
#include "blip2/workflows/capfilt/lease.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kFormat = 2;

void remove_partials(const fs::path& folder, const std::string& prefix) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (name.starts_with(prefix) && name.ends_with(".partial")) fs::remove(entry->path(), ignored);
  }
}

std::string to_text(const CapFiltFolder::Job& job) {
  Json identity = Json::object();
  for (const auto& [name, value] : job.identity) identity[name] = value;
  return json_document(Json{{"format", kFormat},
                            {"num_shards", job.num_shards},
                            {"lease_s", job.lease_s},
                            {"identity", identity}});
}

}  // namespace

std::string CapFiltFolder::shard_id(int64_t shard) { return fmt::format("{:08}", shard); }

fs::path CapFiltFolder::part(const char* kind, int64_t shard, const char* extension) const {
  return root_ / "job" / kind / (shard_id(shard) + extension);
}

/// A folder of other files is refused, so that a job's output never mixes with them.
void CapFiltFolder::check_place() const {
  std::error_code error;
  if (!fs::exists(root_, error)) return;
  if (!fs::is_directory(root_, error)) {
    fail(ErrorCode::kInvalidArgument, "{}: expected a folder to write, found a file",
         root_.string());
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(root_, error)) {
    if (entry.path().filename() == "job") continue;  // another worker is making it
    if (fs::exists(description(), error)) return;
    fail(ErrorCode::kInvalidArgument,
         "{}: expected no folder, an empty one or a CapFilt job's, found other files",
         root_.string());
  }
}

void CapFiltFolder::check_same(const Job& job) const {
  const Job known = read_job();
  for (size_t i = 0; i < std::max(known.identity.size(), job.identity.size()); ++i) {
    const bool in_both = i < known.identity.size() && i < job.identity.size();
    if (!in_both || known.identity[i].first != job.identity[i].first) {
      fail(ErrorCode::kInvalidArgument,
           "{}: holds a job of another version of this program: give another output",
           root_.string());
    }
    if (known.identity[i].second != job.identity[i].second) {
      fail(ErrorCode::kInvalidArgument,
           "{}: holds a job with {} {}, expected {}: give another output, or the same options",
           root_.string(), job.identity[i].first, known.identity[i].second, job.identity[i].second);
    }
  }
}

void CapFiltFolder::join(const Job& job) const {
  check_place();
  std::error_code error;
  if (!fs::exists(description(), error)) {
    LeaseFolder folder(leases(), job.lease_s);
    for (const char* kind : {"done", "captions", "failures"}) {
      make_directories(root_ / "job" / kind);
    }
    while (!fs::exists(description(), error)) {
      const std::optional<int64_t> generation = folder.take("job");
      if (!generation) {  // another worker is making it
        throw_if_interrupted();
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        continue;
      }
      const HeldLease lease(folder, "job", *generation, job.lease_s / 4);
      if (fs::exists(description(), error)) break;
      remove_partials(root_ / "job", "");
      write_file_atomic(root_ / "job" / "config.yaml", job.config_yaml);
      write_file_atomic(description(), to_text(job));
    }
  }
  check_same(job);
}

CapFiltFolder::Job CapFiltFolder::read_job() const {
  std::error_code error;
  if (!fs::exists(description(), error)) {
    fail(ErrorCode::kNotFound, "{}: expected the output folder of a CapFilt job (job/job.json)",
         root_.string());
  }
  Job job;
  try {
    const Json json = Json::parse(read_file(description()));
    if (const int64_t format = json.at("format").get<int64_t>(); format != kFormat) {
      fail(ErrorCode::kUnsupported, "{}: expected format {}, found {}", description().string(),
           kFormat, format);
    }
    job.num_shards = json.at("num_shards").get<int64_t>();
    job.lease_s = json.at("lease_s").get<double>();
    for (const auto& [name, value] : json.at("identity").items()) {
      job.identity.emplace_back(name, value.get<std::string>());
    }
  } catch (const nlohmann::json::exception&) {
    fail(ErrorCode::kCorruptData, "{}: expected the description of a job, found other text",
         description().string());
  }
  return job;
}

bool CapFiltFolder::is_done(int64_t shard) const {
  std::error_code error;
  return fs::exists(state(shard), error);
}

ShardState CapFiltFolder::read_state(int64_t shard) const {
  return parse_shard_state(read_file(state(shard)), state(shard).string());
}

void CapFiltFolder::remove_leavings(int64_t shard, const std::string& name) const {
  for (const fs::path& file : {tar(name), state(shard), captions(shard), failures(shard)}) {
    remove_partials(file.parent_path(), file.filename().string() + ".");
  }
}

void CapFiltFolder::remove_all_leavings() const {
  std::error_code error;
  std::vector<fs::path> left;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root_, error)) {
    if (entry.path().extension() == ".partial") left.push_back(entry.path());
  }
  for (const fs::path& path : left) fs::remove(path, error);
}

void CapFiltFolder::remove_leases() const {
  std::error_code error;
  std::vector<fs::path> left;
  for (const fs::directory_entry& entry : fs::directory_iterator(leases(), error)) {
    left.push_back(entry.path());
  }
  for (const fs::path& path : left) fs::remove(path, error);
}

}  // namespace blip2
