// blip2 capfilt and blip2 capfilt status: bootstrapped captions for shards, and where a job stands.
#include "blip2/tasks/capfilt.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <type_traits>

#include "apps/output.h"
#include "apps/verb.h"
#include "blip2/base/files.h"
#include "blip2/base/json_text.h"
#include "blip2/models/bundle.h"
#include "blip2/ranks/open_shared_counter.h"
#include "blip2/workflows/capfilt/job.h"
#include "blip2/workflows/capfilt/report.h"
#include "blip2/workflows/capfilt/status.h"

namespace blip2 {
namespace {

/// What stands behind a field in --help where its type says too little.
const std::map<std::string, std::string>& value_names() {
  static const std::map<std::string, std::string> names = {
      {"captioner", "DIR"},       {"ranker", "DIR"},
      {"matcher", "DIR"},         {"images", "DIR"},
      {"output", "DIR"},          {"report", "FILE.html"},
      {"input_format", "FORM"},   {"output_formats", "FORM"},
      {"opt_out_fields", "NAME"}, {"early_stopping", "true|false|never"}};
  return names;
}

/// What stands behind an option of this type in --help; nothing behind a switch.
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

/// The command line's form of the configuration: each field an option of its name.
class ConfigOptions {
 public:
  void add(Options& options) {
    options_ = &options;
    given_.generation = default_capfilt_generation(Bundle{});  // for --help
    root_ = ConfigCollector::collect("", given_, "");
    add_fields(root_, options);
  }

  /// What was on the command line.
  std::vector<ConfigOverride> overrides() const {
    std::vector<ConfigOverride> all;
    gather(root_, "", all);
    return all;
  }

 private:
  static bool is_own(const std::string& name) {
    return name == "shards" || name == "seed" || name == "dtype";
  }

  static std::string option_name(std::string field) {
    std::replace(field.begin(), field.end(), '_', '-');
    return "--" + field;
  }

  void add_fields(const ConfigNode& node, Options& options) {
    for (const ConfigNode& child : node.children) {
      if (child.kind == ConfigNode::Kind::kGroup) {
        options.group("Drawing captions (BLIP-1: 5 to 20 tokens by min and max length)");
        add_fields(child, options);
      } else if (!is_own(child.name)) {
        std::visit([&](auto slot) { add_field(child, slot, options); }, child.slot);
      }
    }
  }

  /// A switch is off by default; what is on by default takes a value, to be switched off.
  template <typename Slot>
  void add_field(const ConfigNode& node, Slot slot, Options& options) {
    const std::string name = option_name(node.name);
    if constexpr (std::is_same_v<Slot, bool*>) {
      if (*slot) {
        options.add(name + " true|false", is_on_.emplace(node.name, "true").first->second,
                    node.help, one_of({"true", "false"}));
        return;
      }
    }
    if constexpr (std::is_pointer_v<Slot>) {
      const auto known = value_names().find(node.name);
      options.add(name + (known == value_names().end() ? ValueName{}(slot) : " " + known->second),
                  *slot, node.help, node.limit);
    }
  }

  void gather(const ConfigNode& node, const std::string& prefix,
              std::vector<ConfigOverride>& all) const {
    for (const ConfigNode& child : node.children) {
      if (child.kind == ConfigNode::Kind::kGroup) {
        gather(child, child.name + ".", all);
      } else if (!is_own(child.name) && options_->given(option_name(child.name))) {
        const auto is_on = is_on_.find(child.name);
        all.push_back({prefix + child.name,
                       is_on == is_on_.end() ? config_text(child.slot) : is_on->second,
                       option_name(child.name)});
      }
    }
  }

  CapFiltConfig given_;
  ConfigNode root_;
  std::map<std::string, std::string> is_on_;  // values of switches that are on by default
  const Options* options_ = nullptr;
};

bool is_config(const std::string& name) {
  return name.ends_with(".yaml") || name.ends_with(".yml");
}

struct CapFiltVerb {
  std::vector<std::string> inputs;
  ConfigOptions options;
  RowWriter rows;

  void add(Options& all) {
    all.require("CONFIG.yaml|SHARD...", inputs,
                "a configuration, or what is captioned: .tar shards, folders, annotation files");
    rows.add(all);
    options.add(all);
  }

  int run(const GeneralOptions& general) {
    std::vector<ConfigOverride> overrides = options.overrides();
    std::string path;
    if (is_config(inputs.front())) {
      path = inputs.front();
      inputs.erase(inputs.begin());
    }
    if (!inputs.empty()) {
      overrides.push_back({"shards", json_on_one_line(nlohmann::json(inputs)), "SHARD"});
    }
    if (general.seed) overrides.push_back({"seed", std::to_string(*general.seed), "--seed"});
    if (general.dtype != "auto") overrides.push_back({"dtype", general.dtype, "--dtype"});
    LoadedCapFiltConfig config(path, overrides);
    const std::unique_ptr<SharedCounter> counter = open_shared_counter(general.launch);
    const CapFiltOutcome outcome = run_capfilt(
        config, general.opened, *counter, [&](const std::string& name, const std::string& reason) {
          rows.write_failure(general, "image", name, reason);
        });
    if (general.launch.rank == 0) finish(config.config(), outcome);
    return outcome.counts.failed > 0 ? 3 : 0;
  }

  void finish(const CapFiltConfig& config, const CapFiltOutcome& outcome) const {
    if (!config.report.empty()) {
      require_writable(config.report);
      write_capfilt_report(config.report, CapFiltFolder(config.output), outcome);
    }
    const CapFiltStatus status = read_capfilt_status(config.output);
    rows.write({to_json(status), status.counts.equation() + "\n" +
                                     describe_candidates(status.counts) + "\n" +
                                     columns({config.output})});
  }
};

struct CapFiltStatusVerb {
  std::string output;
  RowWriter rows;

  void add(Options& options) {
    options.require("DIR", output, "the output folder of the job");
    rows.add(options);
  }

  int run(const GeneralOptions&) const {
    const CapFiltStatus status = read_capfilt_status(output);
    std::string text = to_text(status);
    text.pop_back();
    rows.write({to_json(status), text});
    return 0;
  }
};

}  // namespace

Verb capfilt_verb() {
  return make_verb<CapFiltVerb>(
      "capfilt", "bootstraps captions: draws some, ranks them with the web's, keeps the best");
}

Verb capfilt_status_verb() {
  return make_verb<CapFiltStatusVerb>("capfilt status", "says where a capfilt job stands");
}

}  // namespace blip2
