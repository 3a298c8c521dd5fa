// YAML to keys and values, and which of the keys decide a run's numbers.
#include "blip2/train/records/settings.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "blip2/base/error.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

constexpr std::array<std::string_view, 9> kWithoutNumbers = {
    "run.output_dir",       "run.num_workers",          "run.log_every",
    "run.checkpoint_every", "run.keep_checkpoints",     "run.max_bad_steps",
    "run.rank_timeout_s",   "run.max_skipped_fraction", "model.use_grad_checkpoint"};

constexpr std::array<std::string_view, 4> kPaths = {"model.image_encoder", "model.qformer",
                                                    "model.qformer_text", "model.language_model"};

void flatten(const YAML::Node& node, const std::string& key, Settings& settings) {
  if (node.IsMap()) {
    for (const auto& entry : node) {
      const std::string name = entry.first.as<std::string>();
      flatten(entry.second, key.empty() ? name : key + "." + name, settings);
    }
  } else if (node.IsSequence()) {
    std::string all;
    for (const YAML::Node& item : node) {
      all += (all.empty() ? "" : ", ") + (item.IsScalar() ? item.Scalar() : YAML::Dump(item));
    }
    settings[key] = all;
  } else {
    settings[key] = node.IsScalar() ? node.Scalar() : "";
  }
}

bool is_feature_cache(const std::string& key) {
  return key.starts_with("datasets.") && key.ends_with(".feature_cache");
}

bool is_same(const std::string& key, const std::string& before, const std::string& now) {
  if (before == now) return true;
  // A cache's own manifest says whether it is of these pictures.
  if (is_feature_cache(key)) return before.empty() == now.empty();
  std::error_code error;
  return std::ranges::find(kPaths, key) != kPaths.end() && fs::equivalent(before, now, error);
}

}  // namespace

Settings read_settings(std::string_view yaml, const std::string& where) {
  Settings settings;
  try {
    flatten(YAML::Load(std::string(yaml)), "", settings);
  } catch (const YAML::Exception& error) {
    fail(ErrorCode::kCorruptData, "{}: expected YAML: {}", where, error.msg);
  }
  return settings;
}

int64_t integer_of(const Settings& settings, const std::string& key, int64_t otherwise) {
  const auto found = settings.find(key);
  if (found == settings.end()) return otherwise;
  const std::string& text = found->second;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : otherwise;
}

bool decides_numbers(const std::string& key, const Settings& settings) {
  if (std::ranges::find(kWithoutNumbers, key) != kWithoutNumbers.end()) return false;
  if (key.starts_with("run.lora.")) return false;  // not in this version
  if (!key.starts_with("datasets.")) return true;
  const std::string data_set = key.substr(0, key.rfind('.'));
  const std::string name = key.substr(data_set.size() + 1);
  if (name == "annotations" || name == "images") {
    const auto augment = settings.find(data_set + ".augment");
    return augment == settings.end() || augment->second != "none";
  }
  return name != "format" && name != "feature_cache_gb";
}

std::vector<ChangedSetting> changed_settings(const Settings& before, const Settings& now) {
  std::vector<ChangedSetting> changed;
  for (const auto& [key, value] : now) {
    const auto known = before.find(key);
    if (known == before.end() || !decides_numbers(key, now)) continue;
    if (!is_same(key, known->second, value)) changed.push_back({key, known->second, value});
  }
  return changed;
}

}  // namespace blip2
