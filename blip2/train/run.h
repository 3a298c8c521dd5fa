// A whole training run from its configuration: assembles the model, opens the data, makes the stage
// and runs the loop. `blip2 train` and the demo call it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "blip2/models/bundle.h"
#include "blip2/train/config/keys.h"
#include "blip2/train/config/loader.h"
#include "blip2/train/trainer.h"

namespace blip2 {

struct RunOptions {
  at::Device device = at::kCPU;
  std::string resume = "auto";                       ///< as TrainerOptions::resume
  ChangedData changed_data = ChangedData::kRefused;  ///< as TrainerOptions::changed_data
  std::string title = "training";                    ///< for the progress bar and the log
  std::string config_file = "";                      ///< file of the configuration, for messages
  std::optional<int64_t> stop_after = std::nullopt;  ///< as TrainerOptions::stop_after
  /// Called after each step with the current model, for validation. May throw to stop the run.
  std::function<void(const LogRow&, const Bundle&)> after_step = nullptr;
  std::function<bool()> stop_requested = interrupted;
};

/// The model that training starts from. Throws as assemble_stage1() and assemble_stage2() do.
Bundle assemble(const TrainConfig& config, at::Device device = at::kCPU);

/// Runs a configuration in this process until its last step. model.arch decides the stage. Writes
/// run.output_dir as train() does. Throws as train(), assemble() and TrainingData do.
TrainingSummary run_training(const LoadedTrainConfig& loaded, const RunOptions& options = {});
/// The same as one rank of several, which all call it. All ranks share run.output_dir and the data.
/// An error of one rank ends the others too.
TrainingSummary run_training(const LoadedTrainConfig& loaded, Communicator& communicator,
                             const RunOptions& options = {});

}  // namespace blip2
