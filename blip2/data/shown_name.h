// How a name that a file brings appears in a message: on one line, and never longer than a line.
#pragma once

#include <string>
#include <string_view>

namespace blip2 {

/// Control characters become ?, what is behind 200 bytes "...".
inline std::string shown_name(std::string_view name) {
  constexpr size_t kLongest = 200;
  std::string shown(name.substr(0, kLongest));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return name.size() > kLongest ? shown + "..." : shown;
}

}  // namespace blip2
