// Testing values and wording what was expected.
#include "blip2/base/limits.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "blip2/base/error.h"

namespace blip2 {

bool admits(const Limit& limit, double number) {
  const bool is_low = limit.above_low ? number <= limit.low : number < limit.low;
  return std::isfinite(number) && !is_low && number <= limit.high;
}

bool admits(const Limit& limit, const std::string& text) {
  return limit.choices.empty() ||
         std::find(limit.choices.begin(), limit.choices.end(), text) != limit.choices.end();
}

std::string limit_text(const Limit& limit, std::string_view kind) {
  const bool has_low = std::isfinite(limit.low), has_high = std::isfinite(limit.high);
  if (has_low && has_high && !limit.above_low) {
    return fmt::format("{} from {} to {}", kind, limit.low, limit.high);
  }
  std::string text(kind);
  if (has_low) text += fmt::format(" {} {}", limit.above_low ? "above" : "of at least", limit.low);
  if (has_high) text += fmt::format("{} at most {}", has_low ? " and" : " of", limit.high);
  return text;
}

std::string choices_text(const Limit& limit) {
  return fmt::format("one of {}", fmt::join(limit.choices, ", "));
}

void require_within(std::string_view where, std::string_view name, int64_t value,
                    const Limit& limit) {
  if (admits(limit, static_cast<double>(value))) return;
  fail(ErrorCode::kInvalidArgument, "{}: {}: expected {}, found {}", where, name,
       limit_text(limit, "an integer"), value);
}

void require_within(std::string_view where, std::string_view name, double value,
                    const Limit& limit) {
  if (admits(limit, value)) return;
  fail(ErrorCode::kInvalidArgument, "{}: {}: expected {}, found {}", where, name,
       limit_text(limit, "a number"), value);
}

}  // namespace blip2
