// Writes rows to stdout and errors to stderr, one line each.
#include "apps/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "blip2/base/error.h"
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
  if (is_terminal) std::fputs("\r\x1b[K", stderr);  // a progress bar may be on the line
  const std::string line =
      fmt::format("blip2: {}{}\n", general.line_prefix(), escaped_text(message));
  std::fputs(line.c_str(), stderr);  // a closed stderr is no error of its own
}

void RowWriter::add(Options& options) {
  options.add("--format FORM", format_, "format of the rows on stdout", one_of({"text", "jsonl"}));
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
  write_failure(general, failure_row(kind, name, reason));
}

}  // namespace blip2
