// From a configuration to the objects of a run, in the order in which they depend on each other.
#include "blip2/train/run.h"

#include <exception>
#include <memory>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/log.h"
#include "blip2/base/progress.h"
#include "blip2/models/configs/directory_kind.h"
#include "blip2/models/directory/assemble.h"
#include "blip2/nn/autocast.h"
#include "blip2/train/records/output_folder.h"
#include "blip2/train/stage1.h"
#include "blip2/train/stage2.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

/// Whether the model is that of stage 1, with which retrieval is fine-tuned too.
bool is_stage1(const TrainConfig& config) { return config.model.arch == "blip2"; }

/// Throws kInvalidArgument unless the language model is of model.arch's family.
void check_language_model(const TrainConfig& config, const Bundle& bundle) {
  const std::string found = bundle.language_family;
  if (config.model.arch != "blip2_" + found) {
    fail(ErrorCode::kInvalidArgument,
         "model.language_model: {}: expected {} for model.arch {}, found {}",
         config.model.language_model, config.model.arch.substr(std::string_view("blip2_").size()),
         config.model.arch, found);
  }
}

std::string note_of(const LogRow& row) {
  std::string note = fmt::format("loss {:.3f}", row.loss);
  for (const auto& [name, value] : row.values) {
    if (name.starts_with("loss_")) note += fmt::format(", {} {:.3f}", name.substr(5), value);
  }
  return note;
}

}  // namespace

Bundle assemble(const TrainConfig& config, at::Device device) {
  AssembleOptions options;
  options.device = device;
  options.image_encoder = config.model.image_encoder;
  options.qformer = config.model.qformer;
  options.language_model = config.model.language_model;
  options.num_query_token = config.model.num_query_token;
  options.cross_attention_freq = config.model.cross_attention_freq;
  options.embed_dim = config.model.embed_dim;
  options.max_text_length = config.model.max_txt_len;
  options.fold_token_types = config.model.fold_token_types;
  options.prompt = config.model.prompt;
  options.reads_question = task_of(config.run) == TrainTask::kVqa;
  options.qformer_text = config.model.qformer_text;
  options.train_image_encoder = !config.model.freeze_vit;
  if (!config.datasets.empty()) options.image_size = config.datasets.begin()->second.image_size;
  options.seed = static_cast<uint64_t>(config.run.seed);
  Bundle bundle = is_stage1(config) ? assemble_stage1(options) : assemble_stage2(options);
  if (!is_stage1(config)) check_language_model(config, bundle);
  if (bundle.stage1) bundle.stage1->qformer.recompute_layers = config.model.use_grad_checkpoint;
  if (bundle.stage2) {
    bundle.stage2->qformer.recompute_layers = config.model.use_grad_checkpoint;
  }
  // Training places cut-out pictures whole on a background: the saved model must do the same.
  for (const auto& [name, dataset] : config.datasets) {
    if (dataset.augment == "cutout") bundle.transform.resize_mode = ResizeMode::kPlaceOnBackground;
  }
  return bundle;
}

namespace {

/// Rank 0 opens the data first, so that the other ranks find its feature cache complete.
std::unique_ptr<TrainingData> open_data(const TrainConfig& config, const Bundle& bundle,
                                        Communicator& communicator) {
  if (communicator.rank() != 0) communicator.wait_for_all();
  auto data = std::make_unique<TrainingData>(
      config, *bundle.image_encoder, bundle.transform,
      fs::path(config.run.output_dir) / "skipped.jsonl",
      TrainingData::Share{communicator.rank(), communicator.world_size()});
  if (communicator.rank() == 0) communicator.wait_for_all();
  return data;
}

TrainingSummary run_one_rank(const LoadedTrainConfig& loaded, Communicator& communicator,
                             const RunOptions& options) {
  const TrainConfig& config = loaded.config();
  if (config.run.amp && options.device.is_cpu() && !has_bfloat16_arithmetic()) {
    log_warning("run.amp: this processor has no bfloat16 arithmetic: the run computes in float32");
  }
  check_output_folder(config.run.output_dir, options.resume, options.config_file);
  make_directories(config.run.output_dir);
  if (options.resume != "never") {  // "never" moves the model away
    check_replaceable(fs::path(config.run.output_dir) / "model", kModelDirectory);
  }
  Bundle bundle = assemble(config, options.device);
  const std::unique_ptr<TrainingData> opened = open_data(config, bundle, communicator);
  TrainingData& data = *opened;
  std::unique_ptr<Stage> stage;
  if (is_stage1(config)) {
    stage = std::make_unique<Stage1Training>(bundle, data, config, communicator);
  } else {
    stage = std::make_unique<Stage2Training>(bundle, data, config, communicator);
  }
  TrainerOptions trainer;
  trainer.shape = data.shape();
  if (communicator.rank() == 0) trainer.lists = data.lists();
  trainer.resume = options.resume;
  trainer.changed_data = options.changed_data;
  trainer.stop_after = options.stop_after;
  trainer.config_yaml = loaded.to_yaml(false);
  trainer.stop_requested = options.stop_requested;
  int64_t steps = 0;
  trainer.before_first_step = [&](int64_t last_step) {
    steps = last_step;
    const int64_t ranks = communicator.world_size();
    log_info("{}: {} steps of {} samples{}, {} trained parameters", options.title, steps,
             config.run.batch_size_train * config.run.accum_grad_iters * ranks,
             ranks == 1 ? "" : fmt::format(" on {} ranks", ranks),
             count_parameters(stage->trained_tensors()));
  };
  std::unique_ptr<Progress> progress;
  trainer.after_step = [&](const LogRow& row) {
    if (progress == nullptr && communicator.rank() == 0) {
      progress = std::make_unique<Progress>(options.title, steps, "steps", row.step - 1);
    }
    if (progress != nullptr) {
      progress->set_note(note_of(row));
      progress->advance();
    }
    if (options.after_step) options.after_step(row, bundle);
  };
  const TrainingSummary summary = train(*stage, config.run, communicator, trainer);
  if (progress != nullptr) progress->finish();
  return summary;
}

}  // namespace

TrainingSummary run_training(const LoadedTrainConfig& loaded, Communicator& communicator,
                             const RunOptions& options) {
  try {
    return run_one_rank(loaded, communicator, options);
  } catch (const Error& error) {
    communicator.abandon(error);
    throw;
  } catch (const std::exception& error) {
    communicator.abandon({ErrorCode::kInternal, error.what()});
    throw;
  }
}

TrainingSummary run_training(const LoadedTrainConfig& loaded, const RunOptions& options) {
  SingleProcess communicator;
  return run_training(loaded, communicator, options);
}

}  // namespace blip2
