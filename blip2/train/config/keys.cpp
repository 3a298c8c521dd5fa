// What follows from single keys.
#include "blip2/train/config/keys.h"

#include "blip2/models/language/families.h"

namespace blip2 {

TrainTask task_of(const RunConfig& run) {
  if (run.task == "image_text_pretrain_stage2") return TrainTask::kStage2;
  if (run.task == "finetune_caption") return TrainTask::kCaption;
  if (run.task == "finetune_vqa") return TrainTask::kVqa;
  if (run.task == "finetune_retrieval") return TrainTask::kRetrieval;
  return TrainTask::kStage1;
}

std::vector<std::string> stage2_architectures() {
  std::vector<std::string> values;
  for (const LanguageModelFamily& family : language_model_families()) {
    values.push_back("blip2_" + family.model_type);
  }
  return values;
}

std::vector<std::string> architectures() {
  std::vector<std::string> values = stage2_architectures();
  values.insert(values.begin(), "blip2");
  return values;
}

SourceConfig source_config(const std::string& name, const DatasetConfig& dataset) {
  SourceConfig config{name, dataset.format, {}, dataset.images};
  config.annotations.assign(dataset.annotations.begin(), dataset.annotations.end());
  config.splits = dataset.split;
  config.image_key = dataset.img_key;
  config.caption_key = dataset.caption_key;
  config.separator = dataset.separator;
  return config;
}

}  // namespace blip2
