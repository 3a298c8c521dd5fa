// The translation, key by key, and the list of keys without effect.
#include "blip2/train/config/lavis.h"

#include <fmt/format.h>

#include <type_traits>

#include "blip2/base/quote.h"
#include "blip2/checkpoint/rename.h"
#include "blip2/train/config/lavis_presets.h"

namespace blip2 {
namespace {

/// A key without effect in this program, as a pattern of name_matches(), and the reason.
struct IdleKey {
  const char* pattern;
  const char* reason;
};

constexpr const char* kEvaluation = "training does not evaluate; blip2 evaluate does";
constexpr const char* kLaunch = "the launcher (mpirun, srun) sets the number of processes";
constexpr const char* kNoDownload = "training downloads nothing";

constexpr IdleKey kIdleKeys[] = {
    {"model.vit_precision", "--dtype sets the arithmetic of the frozen parts"},
    {"model.apply_lemmatizer", kEvaluation},
    {"datasets.*.dataset_card", "it is a description"},
    {"datasets.*.data_type", "all data sets are pictures"},
    {"datasets.*.type", "a data set has one configuration"},
    {"datasets.*.*.eval.**", kEvaluation},
    {"datasets.*.build_info.annotations.val.**", kEvaluation},
    {"datasets.*.build_info.annotations.test.**", kEvaluation},
    {"datasets.*.build_info.**.url", kNoDownload},
    {"datasets.*.build_info.**.md5", kNoDownload},
    {"run.lr_layer_decay",
     "in LAVIS it never reaches the learning rate; --set run.lr_layer_decay=... applies it as in "
     "the paper"},
    {"run.batch_size_eval", kEvaluation},
    {"run.max_len", kEvaluation},
    {"run.min_len", kEvaluation},
    {"run.num_beams", kEvaluation},
    {"run.length_penalty", kEvaluation},
    {"run.repetition_penalty", kEvaluation},
    {"run.inference_method", kEvaluation},
    {"run.annotation_file", kEvaluation},
    {"run.k_test", kEvaluation},
    {"run.valid_splits", kEvaluation},
    {"run.test_splits", kEvaluation},
    {"run.use_dist_eval_sampler", kEvaluation},
    {"run.save_freq", "run.checkpoint_every, in steps, takes its place"},
    {"run.device", "--device takes its place"},
    {"run.world_size", kLaunch},
    {"run.dist_url", kLaunch},
    {"run.distributed", kLaunch},
};

/// A value in the form that ConfigDocument::fill() reads.
template <typename T>
std::string text_of(const T& value) {
  if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    if (value.size() == 1) return value.front();
    std::string list;
    for (const std::string& item : value) {
      std::string quoted;
      for (const char c : item)
        quoted += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
      list += fmt::format("{}\"{}\"", list.empty() ? "" : ", ", quoted);
    }
    return "[" + list + "]";
  } else {
    return fmt::format("{}", value);
  }
}

std::string without_trailing_spaces(std::string text) {
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

class Translator {
 public:
  Translator(const LavisConfig& lavis, ConfigDocument& from, ConfigDocument& to)
      : lavis_(lavis), from_(from), to_(to) {}

  void translate() {
    preset_ = find_lavis_preset(lavis_.model.arch, lavis_.model.model_type);
    if (preset_ == nullptr) {
      from_.fault("model.model_type",
                  fmt::format("expected one of {}, found {} {}", lavis_preset_names(),
                              lavis_.model.arch, lavis_.model.model_type));
      return;
    }
    to_.fill("run.recipe", "lavis", from_.source("model.arch"));
    translate_task();
    translate_model();
    translate_start();
    for (const auto& [name, dataset] : lavis_.datasets) translate_dataset(name, dataset);
    translate_captions();
    translate_run();
  }

 private:
  std::string preset_source() const {
    return fmt::format("LAVIS {} {}", preset_->arch, preset_->model_type);
  }
  bool given(const std::string& path) const { return !from_.is_default(path); }

  /// Copies a value to one of our keys if the file gives it.
  template <typename T>
  void copy(const std::string& path, const T& value, const std::string& ours) {
    if (given(path)) to_.fill(ours, text_of(value), from_.source(path));
  }
  /// The same with LAVIS's own value if the file gives none.
  template <typename T>
  void copy(const std::string& path, const T& value, const std::string& ours,
            const char* otherwise) {
    copy(path, value, ours);
    to_.fill(ours, otherwise, preset_source());
  }
  /// Adds a fault if the file gives a value that this program does not support.
  void require(const std::string& path, bool holds, const std::string& expected) {
    if (given(path) && !holds) from_.fault(path, "expected " + expected);
  }

  void translate_task();
  void translate_model();
  void translate_start();
  void translate_dataset(const std::string& name, const LavisDataset& dataset);
  void translate_pictures(const std::string& name, const LavisProcessor& processor);
  void translate_places(const std::string& name, const LavisBuildInfo& info,
                        const LavisBuilder& builder);
  void translate_captions();
  void translate_run();

  const LavisConfig& lavis_;
  ConfigDocument& from_;
  ConfigDocument& to_;
  const LavisPreset* preset_ = nullptr;
};

void Translator::translate_task() {
  const std::string& task = lavis_.run.task;
  const bool stage1 = lavis_.model.arch == "blip2";
  std::string ours;
  if (task == "image_text_pretrain") {
    ours = stage1 ? "image_text_pretrain_stage1" : "image_text_pretrain_stage2";
  }
  if (task == "captioning") ours = "finetune_caption";
  if (task == "retrieval") ours = "finetune_retrieval";
  if (task == "vqa") ours = "finetune_vqa";
  if (ours.empty()) {
    from_.fault("run.task",
                fmt::format("expected image_text_pretrain, captioning, retrieval or vqa, found {}",
                            quote(task)));
    return;
  }
  to_.fill("run.task", ours, from_.source("run.task"));
}

void Translator::translate_model() {
  const LavisModelKeys& model = lavis_.model;
  copy("model.arch", model.arch, "model.arch");
  copy("model.vit_model", model.vit_model, "model.image_encoder", preset_->vit_model);
  copy("model.freeze_vit", model.freeze_vit, "model.freeze_vit", preset_->freeze_vit);
  copy("model.use_grad_checkpoint", model.use_grad_checkpoint, "model.use_grad_checkpoint",
       preset_->use_grad_checkpoint);
  copy("model.num_query_token", model.num_query_token, "model.num_query_token");
  copy("model.cross_attention_freq", model.cross_attention_freq, "model.cross_attention_freq");
  copy("model.embed_dim", model.embed_dim, "model.embed_dim");
  copy("model.max_txt_len", model.max_txt_len, "model.max_txt_len");
  require("model.drop_path_rate", model.drop_path_rate == 0,
          "0: this program has no stochastic depth");
  if (model.arch == "blip2") return;
  copy("model.prompt", without_trailing_spaces(model.prompt), "model.prompt", preset_->prompt);
  if (model.arch == "blip2_opt") {
    copy("model.opt_model", model.opt_model, "model.language_model", preset_->language_model);
  } else {
    copy("model.t5_model", model.t5_model, "model.language_model", preset_->language_model);
  }
}

/// LAVIS starts from `finetuned`, or else from `pretrained`, or else from BERT.
void Translator::translate_start() {
  const LavisModelKeys& model = lavis_.model;
  const bool finetuned =
      given("model.load_finetuned") ? model.load_finetuned : preset_->load_finetuned;
  if (finetuned) {
    copy("model.finetuned", model.finetuned.value_or(""), "model.qformer", preset_->finetuned);
  } else if (model.load_pretrained) {
    copy("model.pretrained", model.pretrained.value_or(""), "model.qformer", preset_->pretrained);
  } else {
    to_.fill("model.qformer", "bert-base-uncased", from_.source("model.load_pretrained"));
  }
}

void Translator::translate_dataset(const std::string& name, const LavisDataset& dataset) {
  const LavisBuilder* builder = find_lavis_builder(name);
  if (builder == nullptr) {
    from_.add_faults(
        {fmt::format("datasets.{}: expected one of LAVIS's {}", name, lavis_builder_names())});
    return;
  }
  to_.fill("datasets." + name + ".format", builder->format, "LAVIS " + name);
  translate_pictures(name, dataset.vis_processor.train);
  translate_places(name, dataset.build_info, *builder);
}

void Translator::translate_pictures(const std::string& name, const LavisProcessor& processor) {
  const std::string path = "datasets." + name + ".vis_processor.train";
  const std::string ours = "datasets." + name;
  const bool random_augment = processor.name == "blip_image_train";
  if (random_augment || processor.name == "blip2_image_train") {
    to_.fill(ours + ".augment",
             random_augment ? "random_resized_crop_flip_randaugment" : "random_resized_crop_flip",
             from_.source(path + ".name"));
  } else if (processor.name == "blip_image_eval") {
    to_.fill(ours + ".augment", "none", from_.source(path + ".name"));
  } else {
    from_.fault(path + ".name",
                fmt::format("expected blip2_image_train, blip_image_train or blip_image_eval, "
                            "found {}",
                            quote(processor.name)));
  }
  require(path + ".min_scale", processor.min_scale == 0.5, "0.5");
  require(path + ".max_scale", processor.max_scale == 1, "1");
  const int64_t encoder_size =
      given("model.image_size") ? lavis_.model.image_size : std::stoll(preset_->image_size);
  const std::string size = ours + ".image_size";
  if (given("model.image_size")) {
    copy(path + ".image_size", processor.image_size, size);
    to_.fill(size, text_of(encoder_size), from_.source("model.image_size"));
  } else {
    copy(path + ".image_size", processor.image_size, size, preset_->image_size);
  }
  if (given(path + ".image_size") && processor.image_size != encoder_size) {
    from_.fault(path + ".image_size", fmt::format("expected the encoder's {}, found {}",
                                                  encoder_size, processor.image_size));
  }
}

void Translator::translate_places(const std::string& name, const LavisBuildInfo& info,
                                  const LavisBuilder& builder) {
  const std::string path = "datasets." + name + ".build_info";
  const std::string source = "LAVIS " + name;
  const std::string annotations = "datasets." + name + ".annotations";
  copy(path + ".annotations.train.storage", info.annotations.train.storage, annotations);
  copy(path + ".storage", info.storage, annotations);
  to_.fill(annotations, builder.annotations, source);
  copy(path + ".images.storage", info.images.storage, "datasets." + name + ".images");
  to_.fill("datasets." + name + ".images", builder.images, source);
}

/// Here all data sets share one text processor.
void Translator::translate_captions() {
  size_t cleaned = 0;
  for (const auto& [name, dataset] : lavis_.datasets) {
    const std::string path = "datasets." + name + ".text_processor.train";
    const LavisProcessor& text = dataset.text_processor.train;
    require(path + ".name", text.name == "blip_caption", "blip_caption");
    require(path + ".max_words", text.max_words == 50, "50");
    if (text.name == "blip_caption") ++cleaned;
    const std::string prompt = given("model.prompt")          ? lavis_.model.prompt
                               : lavis_.model.arch == "blip2" ? ""
                                                              : preset_->prompt;
    require(path + ".prompt",
            without_trailing_spaces(text.prompt) == without_trailing_spaces(prompt),
            fmt::format("the model's '{}'", prompt));
  }
  if (cleaned != 0 && cleaned != lavis_.datasets.size()) {
    from_.add_faults(
        {"datasets: expected text_processor: blip_caption for all data sets, or none"});
  }
  to_.fill("run.clean_captions", cleaned == 0 ? "false" : "true", "LAVIS text_processor");
}

void Translator::translate_run() {
  const LavisRun& run = lavis_.run;
  copy("run.init_lr", run.init_lr, "run.init_lr");
  copy("run.min_lr", run.min_lr, "run.min_lr");
  // LAVIS's own defaults differ from the recipe, which has the values of its files.
  copy("run.warmup_lr", run.warmup_lr, "run.warmup_lr");
  to_.fill("run.warmup_lr", text_of(run.init_lr), "LAVIS, run.init_lr");
  copy("run.warmup_steps", run.warmup_steps, "run.warmup_steps");
  to_.fill("run.warmup_steps", "0", "LAVIS");
  copy("run.weight_decay", run.weight_decay, "run.weight_decay");
  copy("run.beta2", run.beta2, "run.beta2");
  copy("run.max_epoch", run.max_epoch, "run.max_epoch");
  copy("run.batch_size_train", run.batch_size_train, "run.batch_size_train");
  copy("run.num_workers", run.num_workers, "run.num_workers");
  copy("run.accum_grad_iters", run.accum_grad_iters, "run.accum_grad_iters");
  copy("run.amp", run.amp, "run.amp");
  copy("run.seed", run.seed, "run.seed");
  copy("run.log_freq", run.log_freq, "run.log_every");
  copy("run.output_dir", run.output_dir, "run.output_dir");
  require("run.runner", run.runner == "runner_base", "runner_base");
  require("run.lr_sched", run.lr_sched == "linear_warmup_cosine_lr", "linear_warmup_cosine_lr");
  require("run.evaluate", !run.evaluate, "false; blip2 evaluate evaluates");
  require("run.train_splits", run.train_splits == std::vector<std::string>{"train"}, "[train]");
  require("run.resume_ckpt_path", !run.resume_ckpt_path, "null; --resume resumes a run");
}

}  // namespace

bool read_lavis(std::string_view yaml, const std::string& name, ConfigDocument& document,
                std::vector<std::string>& warnings) {
  LavisConfig lavis;
  ConfigDocument read(lavis);
  read.read_text(yaml, name);
  if (read.is_default("model.model_type")) return false;
  Translator(lavis, read, document).translate();
  document.add_faults(read.take_faults());
  for (const std::string& path : read.given_paths()) {
    for (const IdleKey& key : kIdleKeys) {
      if (!name_matches(key.pattern, path)) continue;
      warnings.push_back(fmt::format("{}: {}: ignored: {}", read.source(path), path, key.reason));
      break;
    }
  }
  return true;
}

}  // namespace blip2
