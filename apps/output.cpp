#include "apps/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/json_text.h"
#include "blip2/base/log.h"
#include "blip2/base/quote.h"
#include "blip2/tasks/output_text.h"

namespace blip2 {

void print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return;
  if (errno == EPIPE) fail(ErrorCode::kUnavailable, "stopped: nobody reads stdout any more");
  fail(ErrorCode::kUnavailable, "stdout: cannot write: {}", std::strerror(errno));
}

void report_error(const GeneralOptions& general, std::string_view message) {
  if (general.log_json) {
    log_error("{}", message);
    return;
  }
  const bool is_terminal = isatty(STDERR_FILENO) != 0;
  if (is_terminal) std::fputs("\r\x1b[K", stderr);  // a progress bar may stand on the line
  const std::string line =
      fmt::format("blip2: {}{}\n", general.line_prefix(), escaped_text(message));
  std::fputs(line.c_str(), stderr);  // its reader may be gone, which is no error of its own
}

std::string columns(const std::vector<std::string>& cells) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += '\t';
    line += plain_text(cells[i]);
  }
  return line;
}

void RowWriter::add(Options& options) {
  options.add("--format FORM", format_, "form of the rows on stdout", one_of({"text", "jsonl"}));
}

void RowWriter::write(const Row& row) const {
  print(format_ == "jsonl" ? json_line(row.json) : row.text + "\n");
}

void RowWriter::write_failure(const GeneralOptions& general, const Row& failed) const {
  report_error(general, failed.error);
  if (format_ == "jsonl") print(json_line(failed.json));
}

void RowWriter::write_failure(const GeneralOptions& general, const std::string& kind,
                              const std::string& name, const std::string& reason) const {
  const nlohmann::ordered_json json = {{kind, name}, {"error", reason}};
  const bool is_named = reason.find(name) != std::string::npos ||
                        reason.find(escaped_text(name)) != std::string::npos;
  write_failure(general, {json_on_one_line(json), "", is_named ? reason : name + ": " + reason});
}

}  // namespace blip2
