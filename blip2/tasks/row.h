// A row that a user gets, as JSON and as columns of text. rows.h builds those of each task.
#pragma once

#include <string>
#include <vector>

namespace blip2 {

/// A result in both forms, or the failure of an input.
struct Row {
  std::string json;        ///< an object on one line; json_line() is applied to it
  std::string text = "";   ///< columns()
  std::string error = "";  ///< of a failure: the message; such a row has no text
};

/// Cells with tabs between them. Control characters become spaces.
std::string columns(const std::vector<std::string>& cells);

/// {kind: name, "error"} of an input that failed, such as an "image" or a "query". The message
/// names the input once.
Row failure_row(const std::string& kind, const std::string& name, const std::string& reason);

}  // namespace blip2
