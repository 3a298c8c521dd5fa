#include "blip2/train/records/output_folder.h"

#include <algorithm>
#include <string_view>
#include <system_error>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/train/config/config.h"
#include "blip2/train/records/event_log.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

/// Takes the first line off.
std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

/// Whether `text` is `whole` with nothing added or changed: lines may be missing.
bool only_lacks_lines(std::string_view text, std::string_view whole) {
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    while (!whole.empty() && !whole.starts_with(line)) take_line(whole);
    if (whole.empty() || take_line(whole) != line) return false;
  }
  return true;
}

/// Whether a config.yaml gives every value in the form that a run writes, and says nothing else: to
/// write it anew loses nothing. Beside a run's log it may be an earlier version's, which lacks
/// keys.
bool is_resolved(const std::string& yaml, bool has_run) {
  TrainConfig values;
  ConfigDocument document(values);
  try {
    document.read_text(yaml, "config.yaml");
  } catch (const Error&) {
    return false;
  }
  if (!document.take_faults().empty()) return false;
  const std::string whole = document.to_yaml();
  return yaml == whole || (has_run && only_lacks_lines(yaml, whole));
}

void check_config(const fs::path& output_dir, const fs::path& config_file) {
  const fs::path written = output_dir / "config.yaml";
  if (!fs::exists(written)) return;
  const bool has_run =
      fs::exists(output_dir / "log.jsonl") || fs::exists(output_dir / "checkpoints");
  if (is_resolved(read_file(written), has_run)) return;
  std::error_code ignored;
  if (fs::equivalent(written, config_file, ignored)) {
    fail(ErrorCode::kInvalidArgument,
         "{}: the run writes all resolved values to {}, which would replace this configuration: "
         "put it elsewhere or choose another run.output_dir",
         config_file.string(), written.string());
  }
  fail(ErrorCode::kInvalidArgument,
       "{}: expected nothing or an earlier run's, found another file, which the run{}{} would "
       "replace: put it elsewhere or choose another run.output_dir",
       written.string(), config_file.empty() ? "" : " of ", config_file.string());
}

void check_log(const fs::path& path) {
  if (!fs::exists(path)) return;
  if (!read_log(path).empty()) return;  // a torn last row may hold anything
  const std::string text = read_file(path);
  constexpr std::string_view kStart = R"({"step":)";
  if (!text.starts_with(kStart) && !kStart.starts_with(text)) {
    fail(ErrorCode::kCorruptData, "{}: expected a training log, found another file", path.string());
  }
}

}  // namespace

void check_output_folder(const fs::path& output_dir, const std::string& resume,
                         const fs::path& config_file) {
  check_config(output_dir, config_file);
  if (resume != "never") check_log(output_dir / "log.jsonl");
}

}  // namespace blip2
