#include "blip2/train/config/config.h"

#include <algorithm>
#include <array>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/log.h"
#include "blip2/base/quote.h"
#include "blip2/train/config/checks.h"
#include "blip2/train/config/lavis.h"

namespace blip2 {
namespace {

enum Task { kStage1, kStage2, kCaption, kVqa, kRetrieval, kNumTasks };

/// A key of the configuration and its published value for each task; "" = the recipe says nothing.
/// `datasets.*` stands for every data set.
struct RecipeRow {
  const char* path;
  std::array<const char*, kNumTasks> values;
};

// BLIP-2 section 3.4 and the appendix's tables of fine-tuning hyper-parameters (ViT-g, OPT-2.7B).
// Batches are the paper's totals (1680, 1920, 256, 128, 224) over 16 ranks. Where the warm-up
// starts is LAVIS's: the paper does not say.
constexpr RecipeRow kPaper[] = {
    {"run.max_steps", {"250000", "80000", "", "", ""}},
    {"run.max_epoch", {"", "", "5", "5", "5"}},
    {"run.batch_size_train", {"105", "120", "16", "8", "14"}},
    {"run.init_lr", {"1e-4", "1e-4", "1e-5", "1e-5", "1e-5"}},
    {"run.min_lr", {"1e-5", "5e-5", "0", "0", "0"}},
    {"run.warmup_lr", {"1e-6", "1e-6", "1e-8", "1e-8", "1e-8"}},
    {"run.warmup_steps", {"2000", "2000", "1000", "1000", "1000"}},
    {"run.weight_decay", {"0.05", "0.05", "0.05", "0.05", "0.05"}},
    {"run.beta2", {"0.98", "0.98", "0.999", "0.999", "0.999"}},
    {"run.lr_layer_decay", {"1", "1", "1", "0.95", "0.95"}},
    {"model.fold_token_types", {"true", "true", "true", "true", "true"}},
    {"model.freeze_vit", {"true", "true", "false", "false", "false"}},
    {"model.prompt", {"", "", "a photo of", "Question: {} Answer:", ""}},
    {"datasets.*.image_size", {"224", "224", "364", "490", "364"}},
};

// lavis/projects/blip2/train; VQA, which has no file there, as captioning. The 0.95 of its
// retrieval file never reaches the learning rate. Token types do not exist in its BERT.
constexpr RecipeRow kLavis[] = {
    {"run.max_epoch", {"10", "10", "5", "5", "5"}},
    {"run.batch_size_train", {"100", "64", "16", "16", "14"}},
    {"run.init_lr", {"1e-4", "1e-4", "1e-5", "1e-5", "1e-5"}},
    {"run.min_lr", {"1e-5", "1e-5", "0", "0", "0"}},
    {"run.warmup_lr", {"1e-6", "1e-6", "1e-8", "1e-8", "1e-8"}},
    {"run.warmup_steps", {"5000", "2000", "1000", "1000", "1000"}},
    {"run.weight_decay", {"0.05", "0.05", "0.05", "0.05", "0.05"}},
    {"run.beta2", {"0.999", "0.999", "0.999", "0.999", "0.999"}},
    {"run.lr_layer_decay", {"1", "1", "1", "1", "1"}},
    {"run.clean_captions", {"true", "true", "true", "true", "true"}},
    {"model.fold_token_types", {"false", "false", "false", "false", "false"}},
    {"model.freeze_vit", {"true", "true", "false", "false", "false"}},
    {"model.prompt", {"", "", "a photo of", "Question: {} Answer:", ""}},
    {"datasets.*.image_size", {"224", "224", "364", "364", "364"}},
};

Task task_of(const RunConfig& run) {
  if (run.task == "image_text_pretrain_stage2") return kStage2;
  if (run.task == "finetune_caption") return kCaption;
  if (run.task == "finetune_vqa") return kVqa;
  if (run.task == "finetune_retrieval") return kRetrieval;
  return kStage1;
}

void fill_row(const std::string& path, const char* value, const TrainConfig& config,
              ConfigDocument& document) {
  const std::string source = "recipe " + config.run.recipe;
  constexpr std::string_view kEach = "datasets.*.";
  if (!path.starts_with(kEach)) {
    document.fill(path, value, source);
    return;
  }
  for (const auto& [name, dataset] : config.datasets) {
    document.fill("datasets." + name + "." + path.substr(kEach.size()), value, source);
  }
}

template <size_t N>
void fill_from(const RecipeRow (&rows)[N], const TrainConfig& config, ConfigDocument& document) {
  // max_steps and max_epoch are alternatives: one that is given keeps the recipe's other away.
  const bool length_given =
      !document.is_default("run.max_steps") || !document.is_default("run.max_epoch");
  for (const RecipeRow& row : rows) {
    const std::string path = row.path;
    const char* value = row.values[task_of(config.run)];
    const bool is_length = path == "run.max_steps" || path == "run.max_epoch";
    if (*value == '\0' || (is_length && length_given)) continue;
    fill_row(path, value, config, document);
  }
}

void validate_model(const TrainConfig& config, ConfigDocument& document) {
  const ModelConfig& model = config.model;
  const bool stage1_model = model.arch == "blip2";
  const Task task = task_of(config.run);
  if ((task == kStage1 || task == kRetrieval) && !stage1_model) {
    document.fault("model.arch", "expected blip2 for this run.task, found " + model.arch);
  }
  if (task == kStage2 || task == kCaption || task == kVqa) {
    if (stage1_model) {
      document.fault("model.arch",
                     "expected blip2_opt, blip2_t5 or blip2_llama for this run.task, found blip2");
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

void validate_datasets(const TrainConfig& config, ConfigDocument& document) {
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
    const MissingSetting missing = missing_setting(source_config(name, dataset));
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

void validate_rates(const RunConfig& run, ConfigDocument& document) {
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

/// The document already holds what the file and `--set` gave.
void resolve(const TrainConfig& config, ConfigDocument& document, FileChecks checks) {
  apply_recipe(config, document);
  validate(config, document);
  if (checks == FileChecks::kNow) check_files(config, document);
  document.check();
}

}  // namespace

SourceConfig source_config(const std::string& name, const DatasetConfig& dataset) {
  SourceConfig config{name, dataset.format, {}, dataset.images};
  config.annotations.assign(dataset.annotations.begin(), dataset.annotations.end());
  return config;
}

void apply_recipe(const TrainConfig& config, ConfigDocument& document) {
  if (config.run.recipe == "paper") fill_from(kPaper, config, document);
  if (config.run.recipe != "lavis") return;
  fill_from(kLavis, config, document);
  // Its files augment Visual Genome with `blip_image_train`, all else with `blip2_image_train`.
  for (const auto& [name, dataset] : config.datasets) {
    if (dataset.format != "visual_genome") continue;
    document.fill("datasets." + name + ".augment", "random_resized_crop_flip_randaugment",
                  "recipe lavis");
  }
}

void validate(const TrainConfig& config, ConfigDocument& document) {
  const RunConfig& run = config.run;
  if (run.output_dir.empty()) document.fault("run.output_dir", "expected a folder, found nothing");
  validate_model(config, document);
  validate_datasets(config, document);
  validate_rates(run, document);
  const LossWeights& weights = run.loss_weights;
  if (task_of(run) == kStage1 && weights.itc + weights.itm + weights.itg == 0) {
    document.fault("run.loss_weights", "expected at least one above 0, found none");
  }
  if (task_of(run) == kVqa && config.model.prompt.find("{}") == std::string::npos) {
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

LoadedTrainConfig::LoadedTrainConfig(const std::filesystem::path& path,
                                     const std::vector<std::string>& overrides, FileChecks checks,
                                     const std::map<std::string, std::string>& options)
    : document_(config_) {
  const std::string yaml = read_file(path);
  std::vector<std::string> warnings;
  if (!read_lavis(yaml, path.string(), document_, warnings)) {
    document_.read_text(yaml, path.string());
  }
  for (const std::string& warning : warnings) log_warning("{}", warning);
  document_.set_file(path.string());
  for (const std::string& assignment : overrides) document_.set(assignment);
  for (const auto& [option, assignment] : options) document_.set(assignment, option);
  resolve(config_, document_, checks);
}

LoadedTrainConfig::LoadedTrainConfig(TrainConfig values, const std::string& source)
    : config_(std::move(values)), document_(config_) {
  document_.read_text(ConfigDocument(config_).to_yaml(), source);
  resolve(config_, document_, FileChecks::kLater);
}

}  // namespace blip2
