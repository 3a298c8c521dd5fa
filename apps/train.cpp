// blip2 train and blip2 config show: runs a configuration, or prints it.
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <memory>

#include "apps/output.h"
#include "apps/verb.h"
#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/ranks/launch.h"
#include "blip2/train/config/loader.h"
#include "blip2/train/run.h"

namespace blip2 {
namespace {

struct ConfigArguments {
  std::string path;
  std::vector<std::string> overrides;

  void add(Options& options) {
    options.require("CONFIG.yaml", path, "configuration of the run: model, datasets, run");
    options.add("--set a.b=VALUE", overrides, "value that replaces the file's; may be repeated");
  }
  /// Loads the configuration, with the command line's seed and dtype where they are given.
  LoadedTrainConfig load(const GeneralOptions& general, FileChecks checks) const {
    std::map<std::string, std::string> options;
    if (general.seed) options["--seed"] = fmt::format("run.seed={}", *general.seed);
    if (general.dtype) options["--dtype"] = "run.frozen_dtype=" + *general.dtype;
    return LoadedTrainConfig(path, overrides, checks, options);
  }
};

struct Train {
  ConfigArguments config;
  std::string resume = RunOptions{}.resume;
  bool resume_changed_data = false;

  void add(Options& options) {
    config.add(options);
    options.add("--resume auto|never|DIR", resume,
                "snapshot to resume from: the newest of the run, none, or this one");
    options.add("--resume-changed-data", resume_changed_data,
                "resume although the data sets list other records than the snapshot knows");
  }

  int run(const GeneralOptions& general) const {
    if (resume != "auto" && resume != "never" && !std::filesystem::is_directory(resume)) {
      fail(ErrorCode::kInvalidArgument,
           "--resume: expected auto, never, or the folder of a run or of a snapshot, found {}",
           quote(resume));
    }
    const LoadedTrainConfig loaded = config.load(general, FileChecks::kNow);
    const std::unique_ptr<Communicator> communicator =
        open_communicator(general.launch, {general.opened, loaded.config().run.rank_timeout_s});
    RunOptions options;
    options.resume = resume;
    if (resume_changed_data) options.changed_data = ChangedData::kTaken;
    options.config_file = config.path;
    options.device = general.opened;
    run_training(loaded, *communicator, options);
    if (communicator->rank() == 0) print(loaded.config().run.output_dir + "/model\n");
    return 0;
  }
};

struct ConfigShow {
  ConfigArguments config;

  void add(Options& options) { config.add(options); }

  int run(const GeneralOptions& general) const {
    print(config.load(general, FileChecks::kLater).to_yaml(true));
    return 0;
  }
};

}  // namespace

Verb train_verb() {
  return make_verb<Train>(
      "train", "trains stage 1, stage 2 or a fine-tuned model, from our or LAVIS's configuration");
}

Verb config_show_verb() {
  return make_verb<ConfigShow>("config show",
                               "prints all values of a configuration with their sources");
}

}  // namespace blip2
