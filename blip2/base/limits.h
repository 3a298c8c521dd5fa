// What values a number or a text may take. Configuration files, the command line, JSON and the
// models' own checks test a value by a limit and use the same words.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blip2 {

/// Numbers in [low, high] (or above `low`), texts among `choices`.
struct Limit {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool above_low = false;                 ///< `low` itself is refused
  std::vector<std::string> choices = {};  ///< empty: any text
};

inline Limit at_least(double low) { return {.low = low}; }
inline Limit above(double low) { return {.low = low, .above_low = true}; }
inline Limit between(double low, double high) { return {.low = low, .high = high}; }
inline Limit one_of(std::vector<std::string> choices) { return {.choices = std::move(choices)}; }

/// Whether the limit admits the value. NaN and infinities are never admitted.
bool admits(const Limit& limit, double number);
bool admits(const Limit& limit, const std::string& text);

/// What the limit expects, for messages: "an integer from 1 to 8", "a number above 0 and at most
/// 1", "an integer of at least 1". `kind` is "an integer" or "a number".
std::string limit_text(const Limit& limit, std::string_view kind);
/// "one of bilinear, bicubic".
std::string choices_text(const Limit& limit);

/// Throws kInvalidArgument, "WHERE: NAME: expected an integer from 1 to 8, found 9", unless the
/// limit admits the value.
void require_within(std::string_view where, std::string_view name, int64_t value,
                    const Limit& limit);
void require_within(std::string_view where, std::string_view name, double value,
                    const Limit& limit);

}  // namespace blip2
