#include "apps/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/json_text.h"
#include "blip2/base/log.h"
#include "blip2/tasks/output_text.h"

namespace blip2 {

void print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) {
    fail(ErrorCode::kUnavailable, "stdout: cannot write: {}", std::strerror(errno));
  }
}

void report_error(const GeneralOptions& general, std::string_view message) {
  if (general.log_json) {
    log_error("{}", message);
    return;
  }
  const bool is_terminal = isatty(STDERR_FILENO) != 0;
  if (is_terminal) fmt::print(stderr, "\r\x1b[K");  // a progress bar may stand on the line
  // A configuration's faults come together, a line each.
  for (size_t begin = 0; begin <= message.size();) {
    const size_t end = std::min(message.find('\n', begin), message.size());
    fmt::print(stderr, "blip2: {}{}\n", general.line_prefix(),
               plain_text(message.substr(begin, end - begin)));
    begin = end + 1;
  }
}

std::string columns(const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& cell : cells) {
    if (!line.empty()) line += '\t';
    line += plain_text(cell);
  }
  return line;
}

void RowWriter::add(Options& options) {
  options.add("--format FORM", format_, "form of the rows on stdout", one_of({"text", "jsonl"}));
}

void RowWriter::write(const Row& row) const {
  print(format_ == "jsonl" ? json_line(row.json) : row.text + "\n");
}

void RowWriter::write_failure(const GeneralOptions& general, const std::string& kind,
                              const std::string& name, const std::string& reason) const {
  report_error(general, reason.find(name) == std::string::npos ? name + ": " + reason : reason);
  if (format_ != "jsonl") return;
  const nlohmann::ordered_json json = {{kind, name}, {"error", reason}};
  print(json_line(json_on_one_line(json)));
}

}  // namespace blip2
