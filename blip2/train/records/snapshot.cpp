// A snapshot's folder: two safetensors files, config.yaml, and state.json with the checksums of
// all.
#include "blip2/train/records/snapshot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <system_error>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/json_text.h"
#include "blip2/base/log.h"
#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/safetensors.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr int64_t kFormat = 2;
constexpr int64_t kFormatInBatches = 1;  // is read
constexpr const char* kModelFile = "model.safetensors";
constexpr const char* kOptimizerFile = "optimizer.safetensors";
constexpr const char* kConfigFile = "config.yaml";
constexpr size_t kNumDigits = 9;

std::string file_checksum(const fs::path& path) { return checksum(MappedFile(path).bytes()); }

std::string tensor_checksum(const at::Tensor& tensor) {
  const at::Tensor values = tensor.cpu().contiguous();
  return checksum(std::span(static_cast<const std::byte*>(values.const_data_ptr()),
                            static_cast<size_t>(values.nbytes())));
}

void rename_folder(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::remove_all(to, error);
  fs::rename(from, to, error);
  if (error) {
    fail(ErrorCode::kUnavailable, "{}: cannot rename to {}: {}", from.string(), to.string(),
         error.message());
  }
  const int folder = ::open(to.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::fsync(folder);
  ::close(folder);
}

/// A folder that the destructor removes, unless it was renamed.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(fs::path path) : path_(std::move(path)) {
    remove();
    make_directories(path_);
  }
  ~TemporaryFolder() { remove(); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  void remove() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  fs::path path_;
};

/// Writes a file. Returns its checksum and those of its tensors.
OrderedJson write_tensors(const fs::path& path, const std::vector<NamedTensor>& tensors) {
  std::vector<StoredTensor> stored;
  for (const NamedTensor& named : tensors) stored.push_back({named.name, named.tensor->detach()});
  OrderedJson written = {{"file", write_safetensors(path, stored)}};
  for (const StoredTensor& named : stored) {
    written["tensors"][named.name] = tensor_checksum(named.tensor);
  }
  return written;
}

void read_tensors(const fs::path& path, const std::vector<NamedTensor>& tensors) {
  std::vector<Slot> slots;
  for (const NamedTensor& named : tensors) slots.push_back({named.name, named.tensor});
  load(SafetensorsFile(path), slots);
}

/// `files`: what write_tensors() returned, by file name.
OrderedJson to_json(const RunState& state, const OrderedJson& files) {
  OrderedJson json = {{"format", kFormat},
                      {"step", state.step},
                      {"batches_consumed", state.batches_consumed},
                      {"samples", state.samples},
                      {"bad_steps", state.bad_steps},
                      {"elapsed_s", state.elapsed_s},
                      {"seed", state.seed},
                      {"data", OrderedJson::parse(to_json(state.data))},
                      {"config_checksum", checksum(state.config_yaml)}};
  for (const auto& [file, written] : files.items()) {
    json["files"][file] = written["file"];
    json["tensors"][file] = written["tensors"];
  }
  json["files"][kConfigFile] = json["config_checksum"];
  json["checksum"] = checksum(json.dump());
  return json;
}

/// " (tensor 'NAME')" for the first damaged tensor of a file; "" if the file cannot be read or the
/// checksums of its tensors are unknown.
std::string damaged_tensor(const OrderedJson& json, const fs::path& path) {
  const OrderedJson& expected = json.value("tensors", OrderedJson::object())
                                    .value(path.filename().string(), OrderedJson::object());
  try {
    const SafetensorsFile file(path);
    for (const auto& [name, whole] : expected.items()) {
      if (tensor_checksum(file.read(name)) != whole) return fmt::format(" (tensor '{}')", name);
    }
  } catch (const Error&) {  // too damaged to be read
  }
  return "";
}

/// Throws kCorruptData for the first file that differs from what was written.
void check_files(const OrderedJson& json, const fs::path& folder) {
  for (const char* file : {kModelFile, kOptimizerFile}) json.at("files").at(file);
  for (const auto& [file, digits] : json.at("files").items()) {
    const std::string whole = digits.get<std::string>();
    const std::string found = file_checksum(folder / file);
    if (found == whole) continue;
    fail(ErrorCode::kCorruptData, "{}: expected the checksum {}, found {}{}",
         (folder / file).string(), whole, found, damaged_tensor(json, folder / file));
  }
}

/// Of a snapshot of format 1. The first ones were of one process.
PositionInBatches position_in_batches(const OrderedJson& json) {
  return {.batches = json.at("batches_consumed").get<int64_t>(),
          .num_ranks = std::max<int64_t>(json.value("num_ranks", int64_t{1}), 1),
          .batches_per_epoch = json.value("batches_per_epoch", int64_t{0}),
          .num_ranges = json.value("num_stretches", int64_t{0})};
}

/// Throws nlohmann's exceptions for JSON of another structure.
RunState parse_state(const std::string& text, const fs::path& folder) {
  const std::string where = (folder / kSnapshotState).string();
  OrderedJson json = OrderedJson::parse(text);
  const std::string expected = json.at("checksum").get<std::string>();
  json.erase("checksum");
  if (checksum(json.dump()) != expected) {
    fail(ErrorCode::kCorruptData, "{}: expected the checksum {}, found {}", where, expected,
         checksum(json.dump()));
  }
  const auto format = json.at("format").get<int64_t>();
  if (format != kFormat && format != kFormatInBatches) {
    fail(ErrorCode::kUnsupported, "{}: expected format {} or {}, found {}", where, kFormatInBatches,
         kFormat, format);
  }
  check_files(json, folder);
  const bool has_config = json["files"].contains(kConfigFile);
  RunState state{.step = json.at("step").get<int64_t>(),
                 .batches_consumed = json.at("batches_consumed").get<int64_t>(),
                 .samples = json.at("samples").get<int64_t>(),
                 .bad_steps = json.at("bad_steps").get<int64_t>(),
                 .elapsed_s = json.at("elapsed_s").get<double>(),
                 .seed = json.at("seed").get<int64_t>(),
                 .config_yaml = has_config ? read_file(folder / kConfigFile) : "",
                 .config_checksum = json.at("config_checksum").get<std::string>(),
                 .data = {},
                 .in_batches = {}};
  if (format == kFormat) {
    state.data = parse_data_state(json.at("data").dump(), where);
  } else {
    state.in_batches = position_in_batches(json);
  }
  return state;
}

/// The steps of all snapshots in `checkpoints`, in ascending order.
std::vector<int64_t> snapshot_steps(const fs::path& checkpoints) {
  std::vector<int64_t> steps;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(checkpoints, error)) {
    const std::string name = entry.path().filename().string();
    const bool is_snapshot =
        name.size() == 5 + kNumDigits && name.starts_with("step-") &&
        std::all_of(name.begin() + 5, name.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (is_snapshot) steps.push_back(std::stoll(name.substr(5)));
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

}  // namespace

fs::path snapshot_folder(const fs::path& checkpoints, int64_t step) {
  return checkpoints / fmt::format("step-{:0{}}", step, kNumDigits);
}

fs::path save_snapshot(const fs::path& checkpoints, const RunState& state,
                       const SnapshotTensors& tensors, int64_t keep) {
  BLIP2_CHECK(keep > 0);
  const fs::path folder = snapshot_folder(checkpoints, state.step);
  const TemporaryFolder partial(folder.string() + ".partial");
  const OrderedJson files = {
      {kModelFile, write_tensors(partial.path() / kModelFile, tensors.model)},
      {kOptimizerFile, write_tensors(partial.path() / kOptimizerFile, tensors.optimizer)}};
  write_file_atomic(partial.path() / kConfigFile, state.config_yaml);
  write_file_atomic(partial.path() / kSnapshotState, json_document(to_json(state, files)));
  rename_folder(partial.path(), folder);

  std::vector<int64_t> steps = snapshot_steps(checkpoints);
  for (size_t i = 0; i + static_cast<size_t>(keep) < steps.size(); ++i) {
    std::error_code ignored;  // a snapshot that cannot be removed does no harm
    fs::remove_all(snapshot_folder(checkpoints, steps[i]), ignored);
  }
  return folder;
}

RunState verify_snapshot(const fs::path& folder) {
  constexpr uintmax_t kMaxStateBytes = 16 << 20;
  const fs::path path = folder / kSnapshotState;
  std::error_code error;
  if (fs::file_size(path, error) > kMaxStateBytes && !error) {
    fail(ErrorCode::kCorruptData, "{}: expected at most {} bytes", path.string(), kMaxStateBytes);
  }
  try {
    return parse_state(read_file(path), folder);
  } catch (const OrderedJson::exception&) {
    fail(ErrorCode::kCorruptData, "{}: expected the state of a snapshot", path.string());
  }
}

RunState load_snapshot(const fs::path& folder, const SnapshotTensors& tensors) {
  const RunState state = verify_snapshot(folder);
  read_tensors(folder / kModelFile, tensors.model);
  read_tensors(folder / kOptimizerFile, tensors.optimizer);
  return state;
}

std::optional<fs::path> newest_snapshot(const fs::path& checkpoints) {
  const std::vector<int64_t> steps = snapshot_steps(checkpoints);
  for (size_t i = steps.size(); i-- > 0;) {
    fs::path folder = snapshot_folder(checkpoints, steps[i]);
    try {
      verify_snapshot(folder);
      return folder;
    } catch (const Error& error) {
      log_warning("{}; this snapshot is skipped", error.what());
    }
  }
  return std::nullopt;
}

void abandon_snapshots_after(const fs::path& checkpoints, int64_t step) {
  for (const int64_t later : snapshot_steps(checkpoints)) {
    if (later <= step) continue;
    const fs::path folder = snapshot_folder(checkpoints, later);
    log_warning("{}: renamed to *.abandoned, since the run resumes from step {}", folder.string(),
                step);
    rename_folder(folder, folder.string() + ".abandoned");
  }
}

}  // namespace blip2
