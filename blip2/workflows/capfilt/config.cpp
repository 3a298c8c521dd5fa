// Checks that need several values, and the captioner's own values where the user gave none.
#include "blip2/workflows/capfilt/config.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <type_traits>
#include <variant>

#include "blip2/base/error.h"
#include "blip2/base/json_text.h"
#include "blip2/data/open_source.h"

namespace blip2 {
namespace {

void require(const std::string& value, const char* path, ConfigDocument& document) {
  if (value.empty()) document.fault(path, "expected a directory, found nothing");
}

void check_output_formats(const CapFiltConfig& config, ConfigDocument& document) {
  if (config.output_formats.empty()) {
    document.fault("output_formats", "expected webdataset or blip_json, found nothing");
  }
  for (const std::string& format : config.output_formats) {
    if (format == "webdataset" || format == "blip_json") continue;
    document.fault("output_formats", "expected webdataset or blip_json, found " + format);
  }
}

void validate(const CapFiltConfig& config, ConfigDocument& document) {
  require(config.captioner, "captioner", document);
  require(config.ranker, "ranker", document);
  require(config.output, "output", document);
  if (config.shards.empty()) document.fault("shards", "expected at least one, found none");
  check_output_formats(config, document);
  if (config.min_match_probability.has_value() == config.matcher.empty()) {
    document.fault("min_match_probability", config.matcher.empty()
                                                ? "needs a matcher"
                                                : "expected for a matcher, found none");
  }
}

/// Values by their paths in the document.
void list_values(const ConfigNode& node, const std::string& prefix,
                 std::vector<std::pair<std::string, std::string>>& values) {
  for (const ConfigNode& child : node.children) {
    const std::string path = prefix.empty() ? child.name : prefix + "." + child.name;
    if (child.kind == ConfigNode::Kind::kField) {
      values.emplace_back(path, config_text(child.slot));
    } else {
      list_values(child, path, values);
    }
  }
}

}  // namespace

std::vector<std::string> capfilt_input_formats() {
  std::vector<std::string> formats = source_formats();
  formats.insert(formats.begin(), "auto");
  return formats;
}

std::string config_text(const ConfigSlot& slot) {
  return std::visit(
      [](auto value) -> std::string {
        if constexpr (std::is_same_v<decltype(value), std::monostate>) {
          return "";
        } else {
          using Value = std::remove_pointer_t<decltype(value)>;
          if constexpr (std::is_same_v<Value, std::string>) {
            return *value;
          } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
            return json_on_one_line(nlohmann::json(*value));
          } else if constexpr (requires { value->has_value(); }) {
            return value->has_value() ? config_text(&**value) : "null";
          } else {
            return fmt::format("{}", *value);
          }
        }
      },
      slot);
}

LoadedCapFiltConfig::LoadedCapFiltConfig(const std::filesystem::path& path,
                                         const std::vector<ConfigOverride>& overrides)
    : document_(config_) {
  if (!path.empty()) document_.read_file(path);
  for (const ConfigOverride& given : overrides) {
    document_.set(given.path + "=" + given.value, given.source);
  }
  document_.throw_faults();  // unreadable values are reported before missing ones
  validate(config_, document_);
  document_.check();
}

CapFiltOptions LoadedCapFiltConfig::resolve(CapFiltOptions defaults) {
  // A length can be bounded in new tokens or in all tokens. A bound that the user gives in one must
  // not be overruled by a default in the other.
  const auto given = [this](const char* name) {
    return !document_.is_default(std::string("generation.") + name);
  };
  if (given("max_length")) defaults.generation.max_new_tokens.reset();
  if (given("min_length")) defaults.generation.min_new_tokens.reset();
  if (given("min_new_tokens")) defaults.generation.min_length = 0;
  const ConfigNode own = ConfigCollector::collect("", defaults.generation, "");
  for (const ConfigNode& field : own.children) {
    document_.fill("generation." + field.name, config_text(field.slot), "the captioner's own");
  }
  document_.fill("prompt", defaults.prompt, "the captioner's own");
  CapFiltOptions options;
  options.generation = config_.generation;
  options.prompt = config_.prompt.value_or(defaults.prompt);
  validate(options.generation);
  options.rules.num_kept = config_.num_kept;
  options.clean_web_captions = config_.clean_web_captions;
  options.rules.always_keep_original = config_.keep_original;
  options.rules.min_similarity = config_.min_similarity;
  options.rules.min_match_probability = config_.min_match_probability;
  options.rules.remove_duplicates = config_.remove_duplicates;
  options.seed = static_cast<uint64_t>(config_.seed);
  return options;
}

std::vector<std::pair<std::string, std::string>> result_options(const CapFiltConfig& resolved) {
  CapFiltConfig config = resolved;  // a copy: nodes hold mutable pointers
  std::vector<std::pair<std::string, std::string>> values;
  list_values(ConfigCollector::collect("", config, ""), "", values);
  // Models and inputs are identified by their contents, not by their names.
  static const std::set<std::string> kOthers = {"captioner", "ranker",  "matcher",
                                                "shards",    "images",  "output",
                                                "report",    "lease_s", "batch_size"};
  std::erase_if(values, [](const auto& value) { return kOthers.contains(value.first); });
  return values;
}

}  // namespace blip2
