// LAVIS's configuration files (lavis/projects/blip2/train/*.yaml), translated into our keys. Keys
// without effect in this program are known too: each gets a warning. LAVIS's own defaults are in
// lavis_presets.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/base/config.h"

namespace blip2 {

struct LavisModelKeys {
  std::string arch;
  std::string model_type;
  bool load_finetuned = true;
  bool load_pretrained = true;
  std::optional<std::string> finetuned;
  std::optional<std::string> pretrained;
  std::string vit_model;
  int64_t image_size = 224;
  double drop_path_rate = 0;
  bool use_grad_checkpoint = false;
  std::string vit_precision;
  bool freeze_vit = true;
  int64_t num_query_token = 32;
  int64_t cross_attention_freq = 2;
  int64_t embed_dim = 256;
  int64_t max_txt_len = 32;
  std::string opt_model;
  std::string t5_model;
  std::string prompt;
  bool apply_lemmatizer = false;
};

/// One of vis_processor and text_processor.
struct LavisProcessor {
  std::string name;
  int64_t image_size = 0;
  double min_scale = 0.5;
  double max_scale = 1;
  std::string prompt;
  int64_t max_words = 50;
};

struct LavisProcessors {
  LavisProcessor train, eval;
};

/// A file that LAVIS downloads from `url` to `storage`.
struct LavisDownload {
  std::vector<std::string> url, md5, storage;
};

struct LavisAnnotations {
  LavisDownload train, val, test;
};

struct LavisBuildInfo {
  LavisAnnotations annotations;
  LavisDownload images;
  std::vector<std::string> storage;  ///< of shards
};

struct LavisDataset {
  std::string dataset_card;
  std::string data_type;
  std::string type;
  LavisProcessors vis_processor, text_processor;
  LavisBuildInfo build_info;
};

struct LavisRun {
  std::string task;
  std::string runner = "runner_base";
  std::string lr_sched = "linear_warmup_cosine_lr";
  double init_lr = 0, min_lr = 0, warmup_lr = 0, weight_decay = 0.05, beta2 = 0.999;
  double lr_layer_decay = 1;
  int64_t warmup_steps = 0, max_epoch = 0;
  int64_t batch_size_train = 0, batch_size_eval = 0, num_workers = 0, accum_grad_iters = 1;
  int64_t seed = 0, log_freq = 50, save_freq = 5;
  std::string output_dir;
  std::optional<std::string> resume_ckpt_path;
  bool evaluate = false;
  std::vector<std::string> train_splits, valid_splits, test_splits;
  bool amp = false;
  std::optional<bool> distributed, use_dist_eval_sampler;
  std::string device, dist_url;
  int64_t world_size = 1, max_len = 30, min_len = 1, num_beams = 5, k_test = 128;
  std::optional<double> length_penalty, repetition_penalty;
  std::string inference_method, annotation_file;
};

struct LavisConfig {
  LavisModelKeys model;
  std::map<std::string, LavisDataset> datasets;
  LavisRun run;
};

template <typename V>
void visit(LavisModelKeys& c, V&& v) {
  v("arch", c.arch, "class of the model");
  v("model_type", c.model_type, "preset of the class");
  v("load_finetuned", c.load_finetuned, "start from `finetuned`");
  v("load_pretrained", c.load_pretrained, "otherwise start from `pretrained`");
  v("finetuned", c.finetuned, "URL or path of a checkpoint");
  v("pretrained", c.pretrained, "URL or path of a checkpoint");
  v("vit_model", c.vit_model, "eva_clip_g or clip_L");
  v("image_size", c.image_size, "side of the picture in pixels");
  v("drop_path_rate", c.drop_path_rate, "stochastic depth of the image encoder");
  v("use_grad_checkpoint", c.use_grad_checkpoint, "recompute the image encoder's activations");
  v("vit_precision", c.vit_precision, "dtype of the image encoder");
  v("freeze_vit", c.freeze_vit, "do not train the image encoder");
  v("num_query_token", c.num_query_token, "number of learned queries");
  v("cross_attention_freq", c.cross_attention_freq,
    "one layer in so many has cross-attention to the picture");
  v("embed_dim", c.embed_dim, "width of the joint space of ITC");
  v("max_txt_len", c.max_txt_len, "tokens of a caption");
  v("opt_model", c.opt_model, "language model");
  v("t5_model", c.t5_model, "language model");
  v("prompt", c.prompt, "text before each caption, without loss");
  v("apply_lemmatizer", c.apply_lemmatizer, "of answers");
}

template <typename V>
void visit(LavisProcessor& c, V&& v) {
  v("name", c.name, "class of the processor");
  v("image_size", c.image_size, "side of the picture in pixels");
  v("min_scale", c.min_scale, "least area of the crop");
  v("max_scale", c.max_scale, "largest area of the crop");
  v("prompt", c.prompt, "text before each caption");
  v("max_words", c.max_words, "words that are kept");
}

template <typename V>
void visit(LavisProcessors& c, V&& v) {
  v.group("train", c.train, "");
  v.group("eval", c.eval, "");
}

template <typename V>
void visit(LavisDownload& c, V&& v) {
  v("url", c.url, "where LAVIS downloads it from");
  v("md5", c.md5, "its checksum");
  v("storage", c.storage, "its path");
}

template <typename V>
void visit(LavisAnnotations& c, V&& v) {
  v.group("train", c.train, "");
  v.group("val", c.val, "");
  v.group("test", c.test, "");
}

template <typename V>
void visit(LavisBuildInfo& c, V&& v) {
  v.group("annotations", c.annotations, "");
  v.group("images", c.images, "");
  v("storage", c.storage, "paths of the shards");
}

template <typename V>
void visit(LavisDataset& c, V&& v) {
  v("dataset_card", c.dataset_card, "description");
  v("data_type", c.data_type, "images");
  v("type", c.type, "configuration of the builder");
  v.group("vis_processor", c.vis_processor, "");
  v.group("text_processor", c.text_processor, "");
  v.group("build_info", c.build_info, "");
}

template <typename V>
void visit(LavisRun& c, V&& v) {
  v("task", c.task, "image_text_pretrain, captioning, retrieval or vqa");
  v("runner", c.runner, "runner_base counts epochs");
  v("lr_sched", c.lr_sched, "schedule of the learning rate");
  v("init_lr", c.init_lr, "peak learning rate");
  v("min_lr", c.min_lr, "learning rate at the end of the cosine");
  v("warmup_lr", c.warmup_lr, "learning rate at the start of the warm-up");
  v("warmup_steps", c.warmup_steps, "number of steps of the linear warm-up");
  v("weight_decay", c.weight_decay, "AdamW's decoupled decay");
  v("beta2", c.beta2, "AdamW's memory of squared gradients");
  v("lr_layer_decay", c.lr_layer_decay, "without effect in LAVIS");
  v("max_epoch", c.max_epoch, "passes over the data");
  v("batch_size_train", c.batch_size_train, "a rank's batch");
  v("batch_size_eval", c.batch_size_eval, "of evaluation");
  v("num_workers", c.num_workers, "processes that prepare data");
  v("accum_grad_iters", c.accum_grad_iters, "batches in an optimiser step");
  v("max_len", c.max_len, "of evaluation");
  v("min_len", c.min_len, "of evaluation");
  v("num_beams", c.num_beams, "of evaluation");
  v("length_penalty", c.length_penalty, "of evaluation");
  v("repetition_penalty", c.repetition_penalty, "of evaluation");
  v("inference_method", c.inference_method, "of evaluation");
  v("annotation_file", c.annotation_file, "of evaluation");
  v("k_test", c.k_test, "of evaluation");
  v("seed", c.seed, "seed of every random choice");
  v("log_freq", c.log_freq, "iterations between lines of the log");
  v("save_freq", c.save_freq, "epochs between checkpoints");
  v("output_dir", c.output_dir, "folder that the run writes");
  v("amp", c.amp, "float16 autocast");
  v("resume_ckpt_path", c.resume_ckpt_path, "checkpoint to resume from");
  v("evaluate", c.evaluate, "evaluate instead of training");
  v("train_splits", c.train_splits, "splits of the training data");
  v("valid_splits", c.valid_splits, "splits that are evaluated after an epoch");
  v("test_splits", c.test_splits, "splits that are evaluated after training");
  v("device", c.device, "cuda");
  v("world_size", c.world_size, "number of processes");
  v("dist_url", c.dist_url, "address at which the processes meet");
  v("distributed", c.distributed, "several processes");
  v("use_dist_eval_sampler", c.use_dist_eval_sampler, "of evaluation");
}

template <typename V>
void visit(LavisConfig& c, V&& v) {
  v.group("model", c.model, "");
  v.map("datasets", c.datasets, "");
  v.group("run", c.run, "");
}

/// Reads `yaml` into `document`, which holds a TrainConfig, if it is a file of LAVIS: one with
/// model.model_type, which LAVIS requires and we do not have. Otherwise returns false and leaves
/// the document unchanged. The source of a value is the line of the file, or "LAVIS ..." for
/// LAVIS's own default. Faults go to the document; `warnings` gets a line for each key without
/// effect here.
bool read_lavis(std::string_view yaml, const std::string& name, ConfigDocument& document,
                std::vector<std::string>& warnings);

}  // namespace blip2
