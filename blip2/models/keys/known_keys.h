// Which keys a configuration of Hugging Face may have. Configurations are read by allow-list: a key
// that nobody here knows could change what a model computes, and is refused by name.
#pragma once

#include <string_view>
#include <vector>

namespace blip2 {

/// A key that this program does not read, with the one value that its arithmetic has.
struct FixedKey {
  std::string_view name;
  std::string_view value;  ///< as JSON
};

/// What a class of configurations may hold besides the keys that every one may hold.
struct KnownKeys {
  std::vector<std::string_view> read = {};     ///< the caller reads them itself
  std::vector<std::string_view> ignored = {};  ///< they change no number here, whatever they say
  std::vector<FixedKey> fixed = {};            ///< any other value is refused
};

/// The names that visit(config) gives.
template <typename Config>
std::vector<std::string_view> field_names() {
  std::vector<std::string_view> names;
  Config config;
  visit(config, [&](const char* name, const auto&, const char*) { names.emplace_back(name); });
  return names;
}

/// Both lists.
std::vector<std::string_view> joined(std::vector<std::string_view> first,
                                     const std::vector<std::string_view>& second);

}  // namespace blip2
