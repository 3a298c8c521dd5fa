// The interface between the training loop and a stage of training: a stage turns batches into
// losses. It knows no optimiser, snapshot or log.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "blip2/data/pipeline.h"
#include "blip2/nn/module.h"

namespace blip2 {

/// The position of a batch in the run. torch's generator is already seeded from step, micro_step,
/// seed and rank.
struct StepContext {
  int64_t step = 1;        ///< optimiser step, from 1
  int64_t micro_step = 0;  ///< batch within the step, from 0
  uint64_t seed = 0;       ///< of the run
  int64_t rank = 0;
  int64_t batches_per_step = 1;  ///< run.accum_grad_iters

  /// A number that no other batch of this rank has, for the streams of random numbers.
  int64_t batch_number() const { return step * batches_per_step + micro_step; }
};

struct StepOutput {
  at::Tensor loss;  ///< [], with its graph
  /// Further values of the log row, in this order: "loss_itc", ..., "temperature", "itm_accuracy".
  std::vector<std::pair<std::string, double>> values;
  int64_t samples = 0;            ///< in this rank's batch
  std::vector<std::string> keys;  ///< of the samples, which are reported if the loss is not finite
  double data_s = 0;              ///< time spent waiting for the samples
};

/// A stage of training. Deterministic: run_batch() gives the same bits for the same tensors,
/// position in the data and StepContext.
class Stage {
 public:
  virtual ~Stage() = default;

  /// The trained tensors, the same in every call. Snapshots use their names, which must not change.
  virtual std::vector<NamedTensor> trained_tensors() = 0;
  /// Makes the next run_batch() take the batch at `position` of this rank's data.
  virtual void seek(const DataPosition& position) = 0;
  /// Runs the forward pass of the next batch. The loop calls backward() on the loss.
  virtual StepOutput run_batch(const StepContext& context) = 0;
  /// Writes the model directory: `directory` is complete afterwards, or unchanged on an error.
  virtual void save_model(const std::filesystem::path& directory) = 0;
};

}  // namespace blip2
