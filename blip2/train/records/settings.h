// The values of a written configuration as flat text, for comparing two of them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace blip2 {

/// "run.init_lr" -> "0.0001"; lists with commas between.
using Settings = std::map<std::string, std::string>;

/// Throws kCorruptData, with `where` in front, for what is not YAML.
Settings read_settings(std::string_view yaml, const std::string& where);

/// `otherwise` where the key is missing or is not an integer.
int64_t integer_of(const Settings& settings, const std::string& key, int64_t otherwise);

/// Whether a run's numbers may depend on a key, given the others: not on those of its speed, its
/// records and its limits. What a data set lists is not asked for; where it is names the random
/// streams of its augmentation.
bool decides_numbers(const std::string& key, const Settings& settings);

/// A key with two values.
struct ChangedSetting {
  std::string key;
  std::string before;
  std::string now;
};

/// The keys of both that have another value and decide the run's numbers. A path that names the
/// same file counts as the same.
std::vector<ChangedSetting> changed_settings(const Settings& before, const Settings& now);

}  // namespace blip2
