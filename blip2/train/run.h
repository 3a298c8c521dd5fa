// A whole training run from its configuration: models, data, stage and loop put together. What
// `blip2 train` and the demo call.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "blip2/models/bundle.h"
#include "blip2/train/config/config.h"
#include "blip2/train/trainer.h"

namespace blip2 {

struct RunOptions {
  at::Device device = at::kCPU;
  std::string resume = "auto";                       ///< as TrainerOptions
  std::string title = "training";                    ///< for progress
  std::string config_file = "";                      ///< what it is read from, for messages
  std::optional<int64_t> stop_after = std::nullopt;  ///< as TrainerOptions
  /// Called after each step with the model as it is then: validation. May throw to stop the run.
  std::function<void(const LogRow&, const Bundle&)> after_step = nullptr;
  std::function<bool()> stop_requested = interrupted;
};

/// The model that a configuration's training starts from. Throws as assemble_stage1() and
/// assemble_generative() do.
Bundle assemble(const TrainConfig& config, at::Device device = at::kCPU);

/// Runs a configuration to its end: its task says which stage. Writes run.output_dir as `train`
/// promises. Throws as train(), assemble_*() and TrainingData do.
TrainingSummary run_training(const LoadedTrainConfig& loaded, const RunOptions& options = {});
/// The same as one rank of several, which all call it; run.output_dir and the data are the same
/// folders for all of them. What ends one rank by an error ends the others too.
TrainingSummary run_training(const LoadedTrainConfig& loaded, Communicator& communicator,
                             const RunOptions& options = {});

}  // namespace blip2
