// The values that several keys and checks share.
#include "blip2/train/config/keys.h"

namespace blip2 {

TrainTask task_of(const RunConfig& run) {
  if (run.task == "image_text_pretrain_stage2") return TrainTask::kStage2;
  if (run.task == "finetune_caption") return TrainTask::kCaption;
  if (run.task == "finetune_vqa") return TrainTask::kVqa;
  if (run.task == "finetune_retrieval") return TrainTask::kRetrieval;
  return TrainTask::kStage1;
}

const std::vector<std::string>& dataset_formats() {
  static const std::vector<std::string> formats = {"coco_karpathy", "visual_genome", "cc_tsv",
                                                   "sbu",           "laion_parquet", "webdataset",
                                                   "blip_json",     "jsonl",         "folder"};
  return formats;
}

}  // namespace blip2
