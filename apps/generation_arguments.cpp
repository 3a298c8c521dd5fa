#include "apps/generation_arguments.h"

#include <algorithm>
#include <type_traits>
#include <variant>

namespace blip2 {
namespace {

std::string option_name(std::string field) {
  std::replace(field.begin(), field.end(), '_', '-');
  return "--" + field;
}

/// What stands behind an option of this type in --help; nothing behind a switch.
template <typename T>
std::string value_name(const T&) {
  if constexpr (std::is_same_v<T, bool>) return "";
  if constexpr (std::is_same_v<T, double>) return " X";
  if constexpr (std::is_same_v<T, std::string>) return " true|false|never";
  if constexpr (std::is_same_v<T, std::vector<std::string>>) return " TEXT";
  return " N";
}

}  // namespace

void GenerationArguments::add(Options& options) {
  options_ = &options;
  options.group("Generation (the model's generation_config.json over these defaults)");
  visit(given_, [&](const char* name, auto& field, const char* help, const Limit& limit = {}) {
    options.add(option_name(name) + value_name(field), field, help, limit);
  });
}

GenerationOptions GenerationArguments::over(GenerationOptions defaults) {
  const ConfigNode from = ConfigCollector::collect("", given_, "");
  const ConfigNode to = ConfigCollector::collect("", defaults, "");
  for (size_t i = 0; i < from.children.size(); ++i) {
    if (!options_->given(option_name(from.children[i].name))) continue;
    std::visit(
        [&](auto source) {
          if constexpr (std::is_pointer_v<decltype(source)>) {
            *std::get<decltype(source)>(to.children[i].slot) = *source;
          }
        },
        from.children[i].slot);
  }
  validate(defaults);
  return defaults;
}

}  // namespace blip2
