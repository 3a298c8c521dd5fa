// Typed reading of JSON that comes from outside. Every error names the place, the key, what was
// expected and what was found.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "blip2/base/limits.h"

namespace blip2 {

/// The members of a JSON object. A member that is missing or null gives the fallback where there is
/// one; of another type, or missing without a fallback, it throws kCorruptData.
/// `Json`: nlohmann::json, or nlohmann::ordered_json for files that keep their order.
template <typename Json>
class BasicJsonFields {
 public:
  /// `object` must outlive this; `where` names it in messages ("tokenizer.json: model"). Throws
  /// kCorruptData unless it is an object.
  BasicJsonFields(const Json& object, std::string where);

  const Json& json() const { return object_; }
  const std::string& where() const { return where_; }
  /// "WHERE: KEY".
  std::string where(std::string_view key) const;

  /// The member, or nullptr where it is missing or null.
  const Json* find(const char* key) const;
  bool has(const char* key) const { return find(key) != nullptr; }
  /// The member. Throws kCorruptData where it is missing or null.
  const Json& need(const char* key) const;

  int64_t integer(const char* key, const Limit& limit = {}) const;
  int64_t integer(const char* key, int64_t fallback, const Limit& limit = {}) const;
  /// An integer, or the first of a list of them (Hugging Face's end tokens).
  int64_t first_integer(const char* key, int64_t fallback) const;
  /// A size: an integer from 1 to 2^31 - 1.
  int64_t size(const char* key, int64_t fallback) const;
  double number(const char* key, const Limit& limit = {}) const;
  double number(const char* key, double fallback, const Limit& limit = {}) const;
  /// A number above 0.
  double positive(const char* key, double fallback) const;
  bool flag(const char* key, bool fallback) const;
  std::optional<bool> optional_flag(const char* key) const;
  std::string text(const char* key) const;
  std::string text(const char* key, const std::string& fallback) const;
  const Json& array(const char* key) const;
  /// The fields of a member that is an object.
  BasicJsonFields fields(const char* key) const;
  /// A copy of a member that is an object; an empty object where it is missing.
  Json object(const char* key) const;

  /// Throws kUnsupported unless the member is `only` or missing.
  void require_text(const char* key, const std::string& only) const;
  void require_flag(const char* key, bool only) const;

  /// Throws kCorruptData: "WHERE: KEY: expected EXPECTED, found VALUE".
  [[noreturn]] void fail_at(const char* key, const std::string& expected) const;

 private:
  const Json& object_;
  std::string where_;
};

using JsonFields = BasicJsonFields<nlohmann::json>;
using OrderedJsonFields = BasicJsonFields<nlohmann::ordered_json>;

/// Text that must be one JSON object, as Python writes it (python_json.h). Throws kCorruptData,
/// naming `where`.
template <typename Json>
Json parse_json_object(std::string_view text, const std::string& where);
/// A file that must hold one JSON object, of at most 256 MiB. Throws kNotFound, kCorruptData.
template <typename Json>
Json read_json_object(const std::filesystem::path& path);

/// Values, such as elements of lists, of a type; another type throws kCorruptData.
template <typename Json>
std::string as_text(const Json& value, const std::string& where);
template <typename Json>
int64_t as_integer(const Json& value, const std::string& where);
/// A name that files write as a string, an integer or, where a table had gaps, floating-point: 1.0
/// is the id "1". Numbers that are not exact, beyond 2^53, are refused.
template <typename Json>
std::string as_id(const Json& value, const std::string& where);
template <typename Json>
const Json& as_array(const Json& value, const std::string& where);

}  // namespace blip2
