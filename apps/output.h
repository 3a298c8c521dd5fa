// What a verb writes: rows on stdout, in text or JSONL, and errors on stderr.
#pragma once

#include <string>
#include <string_view>

#include "apps/command_line.h"
#include "apps/general_options.h"
#include "blip2/tasks/row.h"

namespace blip2 {

/// Writes to stdout and flushes. Throws kUnavailable if that fails (a full disk, a closed pipe).
void print(std::string_view text);

/// Writes "blip2: message" to stderr, a JSON object with --log-json: one line, control characters
/// escaped.
void report_error(const GeneralOptions& general, std::string_view message);

/// `--format`, and rows in that form.
class RowWriter {
 public:
  void add(Options& options);
  void write(const Row& row) const;
  /// A line on stderr, and with JSONL the row's object, which has an "error".
  void write_failure(const GeneralOptions& general, const Row& failed) const;
  /// A failed input: a line on stderr, and with JSONL an object {kind: name, "error"}.
  void write_failure(const GeneralOptions& general, const std::string& kind,
                     const std::string& name, const std::string& reason) const;

 private:
  std::string format_ = "text";
};

}  // namespace blip2
