// Joins columns, and builds the row of an input that failed.
#include "blip2/tasks/row.h"

#include <nlohmann/json.hpp>

#include "blip2/base/json_text.h"
#include "blip2/base/quote.h"
#include "blip2/tasks/output_text.h"

namespace blip2 {

std::string columns(const std::vector<std::string>& cells) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += '\t';
    line += plain_text(cells[i]);
  }
  return line;
}

Row failure_row(const std::string& kind, const std::string& name, const std::string& reason) {
  const nlohmann::ordered_json json = {{kind, name}, {"error", reason}};
  const bool is_named = reason.find(name) != std::string::npos ||
                        reason.find(escaped_text(name)) != std::string::npos;
  return {.json = json_on_one_line(json), .error = is_named ? reason : name + ": " + reason};
}

}  // namespace blip2
