// JSON as text. Bytes that are no UTF-8, as file names may hold, become U+FFFD instead of an error.
#pragma once

#include <string>

namespace blip2 {

/// On one line, without its end. Json: nlohmann's, ordered or not.
template <typename Json>
std::string json_on_one_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// A whole file, indented.
template <typename Json>
std::string json_document(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace blip2
