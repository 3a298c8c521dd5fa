// blip2 capfilt and blip2 capfilt status: bootstrapped captions for shards, and the progress of a
// job.
#include <memory>
#include <nlohmann/json.hpp>
#include <variant>

#include "apps/output.h"
#include "apps/verb.h"
#include "blip2/base/files.h"
#include "blip2/base/json_text.h"
#include "blip2/ranks/open_shared_counter.h"
#include "blip2/workflows/capfilt/job.h"
#include "blip2/workflows/capfilt/option_fields.h"
#include "blip2/workflows/capfilt/report.h"
#include "blip2/workflows/capfilt/status.h"

namespace blip2 {
namespace {

bool is_config(const std::string& name) {
  return name.ends_with(".yaml") || name.ends_with(".yml");
}

struct CapFiltVerb {
  std::vector<std::string> inputs;
  CapFiltOptionFields fields;
  const Options* options = nullptr;
  RowWriter rows;

  void add(Options& all) {
    options = &all;
    all.require("CONFIG.yaml|SHARD...", inputs,
                "configuration, or inputs to caption: .tar shards, folders, annotation files");
    rows.add(all);
    std::string group;
    for (const CapFiltOptionFields::Field& field : fields.fields()) {
      if (field.group != group) {
        all.group("Generation of captions (BLIP-1: 5 to 20 tokens by min and max length)");
        group = field.group;
      }
      std::visit([&](auto slot) { add_field(field, slot, all); }, field.slot);
    }
  }

  template <typename Slot>
  static void add_field(const CapFiltOptionFields::Field& field, Slot slot, Options& all) {
    if constexpr (std::is_pointer_v<Slot>) all.add(field.form, *slot, field.help, field.limit);
  }

  int run(const GeneralOptions& general) {
    std::vector<ConfigOverride> overrides =
        fields.overrides([&](const std::string& name) { return options->given(name); });
    std::string path;
    if (is_config(inputs.front())) {
      path = inputs.front();
      inputs.erase(inputs.begin());
    }
    if (!inputs.empty()) {
      overrides.push_back({"shards", json_on_one_line(nlohmann::json(inputs)), "SHARD"});
    }
    if (general.seed) overrides.push_back({"seed", std::to_string(*general.seed), "--seed"});
    if (general.dtype) overrides.push_back({"dtype", *general.dtype, "--dtype"});
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
      write_capfilt_report(config.report, CapFiltFolder(config.output), outcome,
                           decode_options(config));
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
    options.require("DIR", output, "output folder of the job");
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
      "capfilt", "bootstraps captions: generates some, ranks them with the web's, keeps the best");
}

Verb capfilt_status_verb() {
  return make_verb<CapFiltStatusVerb>("capfilt status", "prints the progress of a capfilt job");
}

}  // namespace blip2
