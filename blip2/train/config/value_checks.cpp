// The checks follow the three blocks of the configuration: model, datasets, run.
#include "blip2/train/config/value_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "blip2/base/log.h"
#include "blip2/base/quote.h"

namespace blip2 {
namespace {

void check_model(const TrainConfig& config, ConfigDocument& document) {
  const ModelConfig& model = config.model;
  const bool stage1_model = model.arch == "blip2";
  const TrainTask task = task_of(config.run);
  if ((task == TrainTask::kStage1 || task == TrainTask::kRetrieval) && !stage1_model) {
    document.fault("model.arch", "expected blip2 for this run.task, found " + model.arch);
  }
  if (task == TrainTask::kStage2 || task == TrainTask::kCaption || task == TrainTask::kVqa) {
    if (stage1_model) {
      document.fault("model.arch", fmt::format("expected {} for this run.task, found blip2",
                                               choices_text(one_of(stage2_architectures()))));
    }
    if (model.language_model.empty()) {
      document.fault("model.language_model",
                     "expected a directory for this run.task, found nothing");
    }
  }
  if (model.image_encoder.empty()) {
    document.fault("model.image_encoder", "expected a directory, found nothing");
  }
  if (model.qformer.empty()) {
    document.fault("model.qformer", "expected a directory or bert-base, found nothing");
  }
  if (config.run.prefix_lm == "split" && model.arch != "blip2_t5") {
    document.fault("run.prefix_lm", "expected none for model.arch " + model.arch + ", found split");
  }
}

void check_datasets(const TrainConfig& config, ConfigDocument& document) {
  if (config.datasets.empty()) document.fault("datasets", "expected at least one, found none");
  const int64_t size = config.datasets.empty() ? 0 : config.datasets.begin()->second.image_size;
  for (const auto& [name, dataset] : config.datasets) {
    const std::string path = "datasets." + name;
    if (dataset.image_size != size) {
      document.fault(
          path + ".image_size",
          fmt::format("expected {} as of the other data sets, found {}", size, dataset.image_size));
    }
    const std::vector<std::string>& formats = source_formats();
    if (std::find(formats.begin(), formats.end(), dataset.format) == formats.end()) continue;
    const SourceConfig source = source_config(name, dataset);
    for (const std::string& setting : useless_settings(source)) {
      document.fault(path + "." + setting,
                     fmt::format("format {} has no use for it", dataset.format));
    }
    const MissingSetting missing = missing_setting(source);
    if (missing == MissingSetting::kAnnotations) {
      document.fault(path + ".annotations", "expected a file, found nothing");
    }
    if (missing == MissingSetting::kImages) {
      document.fault(path + ".images", "expected a folder, found nothing");
    }
    if (!dataset.feature_cache.empty() && !config.model.freeze_vit) {
      document.fault(path + ".feature_cache",
                     "expected none, since model.freeze_vit is false and the features change");
    }
  }
}

void check_rates(const RunConfig& run, ConfigDocument& document) {
  if (run.max_steps && run.max_epoch) {
    document.fault("run.max_epoch", "expected max_steps or max_epoch, found both");
  }
  if (!run.max_steps && !run.max_epoch) {
    document.fault("run.max_steps", "expected max_steps or max_epoch, found neither");
  }
  if (run.min_lr > run.init_lr) {
    document.fault("run.min_lr", fmt::format("expected at most run.init_lr ({}), found {}",
                                             run.init_lr, run.min_lr));
  }
  if (run.warmup_lr > run.init_lr) {
    document.fault("run.warmup_lr", fmt::format("expected at most run.init_lr ({}), found {}",
                                                run.init_lr, run.warmup_lr));
  }
  if (run.max_steps && run.average_weights_from > *run.max_steps) {
    document.fault("run.average_weights_from",
                   fmt::format("expected at most run.max_steps ({}), found {}", *run.max_steps,
                               run.average_weights_from));
  }
  if (run.max_steps && run.warmup_steps >= *run.max_steps) {
    log_warning("run.warmup_steps ({}) is no less than run.max_steps ({}): the peak is not reached",
                run.warmup_steps, *run.max_steps);
  }
}

}  // namespace

void check_values(const TrainConfig& config, ConfigDocument& document) {
  const RunConfig& run = config.run;
  if (run.output_dir.empty()) document.fault("run.output_dir", "expected a folder, found nothing");
  check_model(config, document);
  check_datasets(config, document);
  check_rates(run, document);
  const LossWeights& weights = run.loss_weights;
  if (task_of(run) == TrainTask::kStage1 && weights.itc + weights.itm + weights.itg == 0) {
    document.fault("run.loss_weights", "expected at least one above 0, found none");
  }
  if (task_of(run) == TrainTask::kVqa && config.model.prompt.find("{}") == std::string::npos) {
    document.fault("model.prompt",
                   "expected a text with {} for the question, found " + quote(config.model.prompt));
  }
  if (config.model.prompt.find("<image>") != std::string::npos) {
    document.fault("model.prompt",
                   "expected a text without \"<image>\", which stands for the picture, found " +
                       quote(config.model.prompt));
  }
  if (run.lora.rank > 0) document.fault("run.lora.rank", "expected 0: not in this version");
}

}  // namespace blip2
