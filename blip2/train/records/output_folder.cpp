// Tells the config.yaml and log.jsonl of a run from other files with these names.
#include "blip2/train/records/output_folder.h"

#include <algorithm>
#include <string_view>
#include <system_error>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/train/config/keys.h"
#include "blip2/train/records/event_log.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

/// Removes the first line of `text` and returns it.
std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

/// Whether `text` is `whole` except for missing lines.
bool only_lacks_lines(std::string_view text, std::string_view whole) {
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    while (!whole.empty() && !whole.starts_with(line)) take_line(whole);
    if (whole.empty() || take_line(whole) != line) return false;
  }
  return true;
}

/// Whether a config.yaml has every value as a run writes it, and nothing else, so that replacing it
/// loses nothing. In the folder of a run it may be an earlier version's, which lacks some keys.
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
         "{}: the run would replace this configuration by its resolved values in {}: move the file "
         "or choose another run.output_dir",
         config_file.string(), written.string());
  }
  fail(ErrorCode::kInvalidArgument,
       "{}: expected no file or that of an earlier run, found another one, which the run{}{} would "
       "replace: move it or choose another run.output_dir",
       written.string(), config_file.empty() ? "" : " of ", config_file.string());
}

void check_log(const fs::path& path) {
  if (!fs::exists(path)) return;
  if (!read_log(path).empty()) return;  // an incomplete last row may hold anything
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
