// Lists of keys, put together.
#include "blip2/models/keys/known_keys.h"

#include <utility>

namespace blip2 {

std::vector<std::string_view> joined(std::vector<std::string_view> first,
                                     const std::vector<std::string_view>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace blip2
