// Builds the names of options from those of fields.
#include "blip2/base/option_names.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace blip2 {
namespace {

/// What --help calls a value of this type; nothing for a switch.
struct ValueName {
  std::string operator()(std::monostate) const { return ""; }
  std::string operator()(const bool*) const { return ""; }
  std::string operator()(const int64_t*) const { return " N"; }
  std::string operator()(const double*) const { return " X"; }
  std::string operator()(const std::string*) const { return " TEXT"; }
  std::string operator()(const std::vector<std::string>*) const { return " TEXT"; }
  template <typename T>
  std::string operator()(const std::optional<T>*) const {
    return (*this)(static_cast<const T*>(nullptr));
  }
};

}  // namespace

std::string option_name(std::string field) {
  std::replace(field.begin(), field.end(), '_', '-');
  return "--" + field;
}

std::string option_form(const std::string& field, const ConfigSlot& slot, const Limit& limit) {
  return option_name(field) + (limit.choices.empty()
                                   ? std::visit(ValueName{}, slot)
                                   : fmt::format(" {}", fmt::join(limit.choices, "|")));
}

}  // namespace blip2
