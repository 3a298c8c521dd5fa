// The keys of a training run's configuration: three YAML blocks (docs/training.md). The published
// values are in recipes.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "blip2/base/config.h"
#include "blip2/data/open_source.h"
#include "blip2/image/decode.h"
#include "blip2/image/resize.h"
#include "blip2/nn/autocast.h"

namespace blip2 {

struct ModelConfig {
  std::string arch = "blip2";
  std::string image_encoder = "eva_clip_g";
  std::string qformer = "bert-base";
  std::string qformer_text;
  std::string language_model;
  int64_t num_query_token = 32;
  int64_t cross_attention_freq = 2;
  int64_t embed_dim = 256;
  int64_t max_txt_len = 32;
  bool freeze_vit = true;
  bool freeze_embeddings = false;
  bool fold_token_types = true;
  bool use_grad_checkpoint = false;
  std::string prompt;
};

struct DatasetConfig {
  std::string format;
  std::vector<std::string> annotations;
  std::string images;
  std::vector<std::string> split;
  std::string img_key;
  std::string caption_key;
  std::string separator;
  double sample_ratio = 1;
  int64_t image_size = 224;
  bool exif_rotate = false;
  int64_t max_image_pixels = DecodeOptions{}.max_pixels;
  std::string resize_order = resize_order_names().front();
  std::string augment = "random_resized_crop_flip";
  std::string feature_cache;
  int64_t views = 1;
  double feature_cache_gb = 100;
};

struct LossWeights {
  double itc = 1;
  double itm = 1;
  double itg = 1;
  double query_similarity = 0;
};

struct LoraConfig {
  int64_t rank = 0;
  double alpha = 16;
  std::vector<std::string> targets = {"q_proj", "v_proj"};
};

/// The defaults are the paper's for stage 1; loading replaces them by those of the recipe.
struct RunConfig {
  std::string task = "image_text_pretrain_stage1";
  std::string recipe = "paper";
  std::string output_dir;
  LossWeights loss_weights;
  bool itc_both_sides = false;
  double itm_share = 1;
  int64_t hard_negatives_from = 0;
  double hard_negatives_share = 1;
  bool mask_same_image = false;
  bool mask_same_caption = false;
  std::string token_mean = "local";
  std::string prefix_lm = "none";
  double max_skipped_fraction = 0.01;
  int64_t max_bad_steps = 3;
  double lr_layer_decay = 1;
  LoraConfig lora;
  std::optional<int64_t> max_steps;
  std::optional<int64_t> max_epoch;
  int64_t batch_size_train = 100;
  int64_t accum_grad_iters = 1;
  bool amp = false;
  std::string frozen_dtype = "float32";
  double init_lr = 1e-4;
  double min_lr = 1e-5;
  double warmup_lr = 1e-6;
  int64_t warmup_steps = 2000;
  double weight_decay = 0.05;
  double beta2 = 0.98;
  double grad_clip = 0;
  double drop_rate = 0.1;
  double image_token_drop = 0;
  int64_t average_weights_from = 0;
  bool shuffle = true;
  bool clean_captions = false;
  int64_t num_workers = 4;
  int64_t seed = 42;
  int64_t log_every = 50;
  int64_t checkpoint_every = 1000;
  int64_t keep_checkpoints = 3;
  double rank_timeout_s = 30;

  /// Whether the frozen matrices are held in bfloat16 during the run.
  bool holds_bfloat16(at::Device device) const {
    return frozen_dtype == "bfloat16" || arithmetic(amp, device) == Arithmetic::kBFloat16;
  }
  /// The arithmetic of the frozen parts.
  Arithmetic frozen_arithmetic(at::Device device) const {
    return arithmetic(amp || frozen_dtype != "float32", device);
  }
};

struct TrainConfig {
  ModelConfig model;
  std::map<std::string, DatasetConfig> datasets;
  RunConfig run;
};

enum class TrainTask { kStage1, kStage2, kCaption, kVqa, kRetrieval };

/// run.task, which must be one of the values that visit() allows.
TrainTask task_of(const RunConfig& run);

/// The values of model.arch in stage 2: "blip2_" and the type of a family of language models.
std::vector<std::string> stage2_architectures();
/// All values of model.arch.
std::vector<std::string> architectures();

/// What open_source() needs for data set `name` of a configuration.
SourceConfig source_config(const std::string& name, const DatasetConfig& dataset);

template <typename V>
void visit(ModelConfig& c, V&& v) {
  v("arch", c.arch, "family of the model", one_of(architectures()));
  v("image_encoder", c.image_encoder, "directory or file of weights");
  v("qformer", c.qformer,
    "directory of a BERT or of a BLIP-2 model; in stage 2 also bert-base: that shape with random "
    "weights");
  v("qformer_text", c.qformer_text,
    "directory of a BERT or of a stage-1 model whose text side a stage-2 Q-Former reads questions "
    "with");
  v("language_model", c.language_model, "directory of the language model (stage 2)");
  v("num_query_token", c.num_query_token, "number of learned queries", at_least(1));
  v("cross_attention_freq", c.cross_attention_freq,
    "one layer in so many has cross-attention to the picture", at_least(1));
  v("embed_dim", c.embed_dim, "width of the joint space of ITC", at_least(1));
  v("max_txt_len", c.max_txt_len, "largest number of tokens of a caption", at_least(2));
  v("freeze_vit", c.freeze_vit, "do not train the image encoder");
  v("freeze_embeddings", c.freeze_embeddings, "do not train the word and position embeddings");
  v("fold_token_types", c.fold_token_types, "add a BERT's token type 0 to its position embeddings");
  v("use_grad_checkpoint", c.use_grad_checkpoint,
    "compute the activations of trained layers again in the backward pass: less memory, more time");
  v("prompt", c.prompt,
    "text before each caption (stage 2); for questions a template with {} for the question");
}

template <typename V>
void visit(DatasetConfig& c, V&& v) {
  v("format", c.format, "layout of annotations and pictures on disk", one_of(source_formats()));
  v("annotations", c.annotations, "annotation file, or a list of them");
  v("images", c.images, "folder of the pictures; relative paths start there");
  v("split", c.split,
    "coco_karpathy: train, restval, val or test, or a list of them [train and restval]");
  v("img_key", c.img_key, "field or column that names the picture [the format's own]");
  v("caption_key", c.caption_key, "field or column of the caption [the format's own]");
  v("separator", c.separator, "csv: what is between two columns [as in the file's first line]");
  v("sample_ratio", c.sample_ratio, "weight of the data set in the mixture", above(0));
  v("image_size", c.image_size, "side of the picture in pixels", between(16, 4096));
  v("exif_rotate", c.exif_rotate, "rotate pictures by the EXIF orientation in their file");
  v("max_image_pixels", c.max_image_pixels, "most pixels of a picture; larger ones are unusable",
    at_least(1));
  v("resize_order", c.resize_order, "passes of a resize in the order of this version of Pillow",
    one_of(resize_order_names()));
  v("augment", c.augment, "random changes of a training picture",
    one_of({"none", "random_resized_crop_flip", "random_resized_crop_flip_randaugment", "cutout"}));
  v("feature_cache", c.feature_cache,
    "folder of the frozen encoder's outputs; empty: compute them");
  v("views", c.views,
    "views of each picture in the feature cache: one without augmentation, then augmented ones",
    at_least(1));
  v("feature_cache_gb", c.feature_cache_gb, "limit of the feature cache, gigabytes", above(0));
}

template <typename V>
void visit(LossWeights& c, V&& v) {
  v("itc", c.itc, "image-text contrast", at_least(0));
  v("itm", c.itm, "image-text matching", at_least(0));
  v("itg", c.itg, "image-grounded text generation", at_least(0));
  v("query_similarity", c.query_similarity,
    "mean squared cosine between a picture's queries, in both stages", at_least(0));
}

template <typename V>
void visit(LoraConfig& c, V&& v) {
  v("rank", c.rank, "rank of the update; 0 = off", at_least(0));
  v("alpha", c.alpha, "scale times rank", above(0));
  v("targets", c.targets, "linear layers of the language model");
}

template <typename V>
void visit(RunConfig& c, V&& v) {
  v("task", c.task, "what is trained",
    one_of({"image_text_pretrain_stage1", "image_text_pretrain_stage2", "finetune_caption",
            "finetune_vqa", "finetune_retrieval"}));
  v("recipe", c.recipe, "published hyper-parameters to start from", one_of({"paper", "lavis"}));
  v("output_dir", c.output_dir, "folder that the run writes");
  v.group("loss_weights", c.loss_weights, "weights of the losses");
  v("itc_both_sides", c.itc_both_sides,
    "gradient of ITC also through the gathered features (CLIP); LAVIS has none there");
  v("itm_share", c.itm_share, "share of a batch's rows that ITM is computed for",
    {.low = 0, .high = 1, .above_low = true});
  v("hard_negatives_from", c.hard_negatives_from,
    "last step at which all of ITM's negatives are drawn uniformly", at_least(0));
  v("hard_negatives_share", c.hard_negatives_share,
    "share of ITM's negatives that are hard after that step; the others are uniform",
    between(0, 1));
  v("mask_same_image", c.mask_same_image, "do not use pairs of the same image as negatives");
  v("mask_same_caption", c.mask_same_caption, "do not use pairs of the same caption as negatives");
  v("token_mean", c.token_mean,
    "ITG and LM losses: mean over the tokens of a rank (local) or of all ranks (global)",
    one_of({"local", "global"}));
  v("prefix_lm", c.prefix_lm, "T5: split the caption into prefix and target",
    one_of({"none", "split"}));
  v("max_skipped_fraction", c.max_skipped_fraction,
    "share of unusable samples above which the run stops", between(0, 1));
  v("max_bad_steps", c.max_bad_steps,
    "consecutive steps without a finite loss at which the run stops", at_least(1));
  v("lr_layer_decay", c.lr_layer_decay,
    "learning rate of a layer of the image encoder, divided by that of the layer after it",
    between(0, 1));
  v.group("lora", c.lora, "low-rank updates of the language model; not in this version");
  v("max_steps", c.max_steps, "number of optimiser steps; alternative: max_epoch", at_least(1));
  v("max_epoch", c.max_epoch, "number of passes over the data; alternative: max_steps",
    at_least(1));
  v("batch_size_train", c.batch_size_train, "samples in a batch of one rank", at_least(1));
  v("accum_grad_iters", c.accum_grad_iters, "batches in an optimiser step", at_least(1));
  v("amp", c.amp, "bfloat16 arithmetic on float32 weights, where the processor has it");
  v("frozen_dtype", c.frozen_dtype, "arithmetic of the frozen parts (--dtype)",
    one_of({"float32", "bfloat16", "auto"}));
  v("init_lr", c.init_lr, "peak learning rate", above(0));
  v("min_lr", c.min_lr, "learning rate at the end of the cosine", at_least(0));
  v("warmup_lr", c.warmup_lr, "learning rate at the start of the warm-up", at_least(0));
  v("warmup_steps", c.warmup_steps, "number of steps of the linear warm-up", at_least(0));
  v("weight_decay", c.weight_decay, "AdamW's decoupled decay", at_least(0));
  v("beta2", c.beta2, "AdamW's decay of the mean of squared gradients", between(0, 0.999999));
  v("grad_clip", c.grad_clip, "largest L2 norm of the gradient; 0 = off", at_least(0));
  v("drop_rate", c.drop_rate, "dropout in the Q-Former", between(0, 0.99));
  v("image_token_drop", c.image_token_drop,
    "share of a picture's image tokens that a training step leaves out", between(0, 0.95));
  v("average_weights_from", c.average_weights_from,
    "save the mean of the weights after this step and each later one; 0: save the last weights",
    at_least(0));
  v("shuffle", c.shuffle, "shuffle the samples anew in each epoch");
  v("clean_captions", c.clean_captions, "LAVIS's blip_caption: lower case, less punctuation");
  v("num_workers", c.num_workers, "threads that prepare samples", at_least(0));
  v("seed", c.seed, "seed of every random choice", at_least(0));
  v("log_every", c.log_every, "steps between rows of log.jsonl", at_least(1));
  v("checkpoint_every", c.checkpoint_every, "steps between snapshots", at_least(1));
  v("keep_checkpoints", c.keep_checkpoints, "number of newest snapshots that are kept",
    at_least(1));
  v("rank_timeout_s", c.rank_timeout_s,
    "seconds without a message after which a rank is taken for dead and the run ends", at_least(1));
}

template <typename V>
void visit(TrainConfig& c, V&& v) {
  v.group("model", c.model, "what is trained");
  v.map("datasets", c.datasets, "what it is trained on");
  v.group("run", c.run, "how it is trained");
}

}  // namespace blip2
