// Turns the fields of a CapFilt configuration into options, and options that were given into values
// of the configuration.
#include "blip2/workflows/capfilt/option_fields.h"

#include <map>

#include "blip2/base/option_names.h"
#include "blip2/models/bundle.h"
#include "blip2/tasks/capfilt.h"

namespace blip2 {
namespace {

/// What --help calls the value of a field where its type says too little.
const std::map<std::string, std::string>& value_names() {
  static const std::map<std::string, std::string> names = {
      {"captioner", "DIR"},     {"ranker", "DIR"},          {"matcher", "DIR"},
      {"images", "DIR"},        {"output", "DIR"},          {"report", "FILE.html"},
      {"input_format", "FORM"}, {"output_formats", "FORM"}, {"opt_out_fields", "NAME"},
      {"split", "NAME"},        {"img_key", "NAME"},        {"caption_key", "NAME"},
      {"separator", "CHAR"}};
  return names;
}

std::string form_of(const ConfigNode& node) {
  const auto known = value_names().find(node.name);
  return known == value_names().end() ? option_form(node.name, node.slot, node.limit)
                                      : option_name(node.name) + " " + known->second;
}

/// Fields that the command line has other words for: arguments, and options of every verb.
bool has_other_words(const std::string& name) {
  return name == "shards" || name == "seed" || name == "dtype";
}

}  // namespace

CapFiltOptionFields::CapFiltOptionFields() {
  config_.generation = default_capfilt_generation(Bundle{});  // the defaults that --help shows
  add(ConfigCollector::collect("", config_, ""), "");
}

void CapFiltOptionFields::add(const ConfigNode& group, const std::string& prefix) {
  for (const ConfigNode& node : group.children) {
    if (node.kind == ConfigNode::Kind::kGroup) {
      add(node, node.name + ".");
      continue;
    }
    if (has_other_words(node.name)) continue;
    Field field{option_name(node.name),
                form_of(node),
                group.name,
                prefix + node.name,
                node.help,
                node.slot,
                node.limit};
    bool* const* const flag = std::get_if<bool*>(&node.slot);
    if (flag != nullptr && **flag) {  // what is on by default takes a value, to be switched off
      field.slot = &switches_.emplace_back("true");
      field.limit = one_of({"true", "false"});
      field.form = option_form(node.name, field.slot, field.limit);
    }
    fields_.push_back(std::move(field));
  }
}

std::vector<ConfigOverride> CapFiltOptionFields::overrides(
    const std::function<bool(const std::string& name)>& is_given) const {
  std::vector<ConfigOverride> all;
  for (const Field& field : fields_) {
    if (is_given(field.name)) all.push_back({field.path, config_text(field.slot), field.name});
  }
  return all;
}

}  // namespace blip2
