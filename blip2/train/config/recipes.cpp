// The tables of published values, a row for each key and a column for each task.
#include "blip2/train/config/recipes.h"

#include <array>
#include <string>
#include <string_view>

namespace blip2 {
namespace {

constexpr size_t kNumTasks = static_cast<size_t>(TrainTask::kRetrieval) + 1;

/// A key of the configuration and its published value for each task, in TrainTask's order; "" where
/// the recipe has none. `datasets.*` stands for every data set.
struct RecipeRow {
  const char* path;
  std::array<const char*, kNumTasks> values;
};

// BLIP-2 section 3.4 and the appendix's tables of fine-tuning hyper-parameters (ViT-g, OPT-2.7B).
// Batches are the paper's totals (1680, 1920, 256, 128, 224) over 16 ranks. warmup_lr is LAVIS's:
// the paper does not give it.
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

// lavis/projects/blip2/train; VQA has no file there and takes captioning's values. The
// lr_layer_decay of 0.95 in the retrieval file never reaches the learning rate in LAVIS. Its BERT
// has no token types.
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
  // max_steps and max_epoch are alternatives: where one is given, the recipe's other is ignored.
  const bool length_given =
      !document.is_default("run.max_steps") || !document.is_default("run.max_epoch");
  for (const RecipeRow& row : rows) {
    const std::string path = row.path;
    const char* value = row.values[static_cast<size_t>(task_of(config.run))];
    const bool is_length = path == "run.max_steps" || path == "run.max_epoch";
    if (*value == '\0' || (is_length && length_given)) continue;
    fill_row(path, value, config, document);
  }
}

}  // namespace

void apply_recipe(const TrainConfig& config, ConfigDocument& document) {
  if (config.run.recipe == "paper") fill_from(kPaper, config, document);
  if (config.run.recipe != "lavis") return;
  fill_from(kLavis, config, document);
  // LAVIS's files augment Visual Genome with `blip_image_train`, everything else with
  // `blip2_image_train`.
  for (const auto& [name, dataset] : config.datasets) {
    if (dataset.format != "visual_genome") continue;
    document.fill("datasets." + name + ".augment", "random_resized_crop_flip_randaugment",
                  "recipe lavis");
  }
}

}  // namespace blip2
