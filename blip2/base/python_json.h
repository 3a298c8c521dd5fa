// JSON as Python's json module writes and reads it. The one parser for JSON that comes from
// outside; typed reading of what it gives is in json_fields.h.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace blip2 {

/// The value of a text, as Python's json.loads takes it: NaN, Infinity and -Infinity are numbers;
/// so are integers of any size, which beyond 64 bits become floating-point; of equal keys the last
/// wins; a surrogate without its other half (`"\ud800"`) stays as three bytes that are not UTF-8,
/// so that is_valid_utf8() tells a text that holds one. Brackets nest 1000 deep at most.
/// `Json`: nlohmann::json or nlohmann::ordered_json.
/// Throws kCorruptData: "WHERE: expected EXPECTED, found a syntax error at byte B of N", or where a
/// string holds other bytes, "WHERE: expected text in UTF-8, found ...".
template <typename Json>
Json parse_json(std::string_view text, const std::string& where, std::string_view expected);

/// The same; none for a text that is not JSON.
template <typename Json>
std::optional<Json> try_parse_json(std::string_view text);

}  // namespace blip2
