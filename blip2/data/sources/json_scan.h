// Finds places in a JSON text without parsing it: the elements of a big list and the members of an
// object are found in one pass over the bytes, and parsed when they are asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace blip2 {

/// A list in a JSON text. 8 bytes of memory an element.
class JsonList {
 public:
  /// The list that starts at `position` of `text`, which must outlive this; `where` names it in
  /// messages. Throws kCorruptData where there is no list and where it does not end.
  JsonList(std::string_view text, size_t position, std::string where);

  int64_t size() const { return static_cast<int64_t>(starts_.size()); }
  /// The text of an element; not known to be well-formed.
  std::string_view element(int64_t index) const;
  /// "FILE[INDEX]".
  std::string where(int64_t index) const;
  /// Behind the closing bracket.
  size_t end() const { return end_; }

 private:
  std::string_view text_;
  std::string where_;
  std::vector<size_t> starts_;
  size_t end_ = 0;
};

/// The position of the first character from `position` on that is no JSON white space.
size_t skip_json_space(std::string_view text, size_t position);

/// Behind the value that starts at `position`: brackets and strings are matched, nothing else is
/// checked. Throws kCorruptData, naming the byte, where it does not end.
size_t skip_json_value(std::string_view text, size_t position, const std::string& where);

/// Where the value of each member of the object in `text` starts, by its name as it is written; of
/// equal names the last. Throws kCorruptData where there is no object and where it does not end.
std::map<std::string, size_t, std::less<>> json_members(std::string_view text,
                                                        const std::string& where);

/// The text of the first element of a list, found without going through the others; empty where
/// there is none. Throws as JsonList's constructor does for what it reads.
std::string_view first_json_element(std::string_view text, const std::string& where);

}  // namespace blip2
