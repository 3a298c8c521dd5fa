// The dimensions in brackets.
#include "blip2/base/shape_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace blip2 {

std::string shape_text(const std::vector<int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace blip2
