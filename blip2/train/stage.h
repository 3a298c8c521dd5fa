// What the training loop asks of a stage of training: batches turned into a loss. Nothing about
// optimisers, snapshots or logs.
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

/// Which batch of the run this is. torch's generator is already seeded from all four numbers.
struct StepContext {
  int64_t step = 1;        ///< optimiser step, from 1
  int64_t micro_step = 0;  ///< batch within the step, from 0
  uint64_t seed = 0;       ///< the run's
  int64_t rank = 0;
  int64_t batches_per_step = 1;  ///< run.accum_grad_iters

  /// Another for each batch of a rank: names its random numbers.
  int64_t batch_number() const { return step * batches_per_step + micro_step; }
};

struct StepOutput {
  at::Tensor loss;  ///< [], with its graph
  /// What the log row shows besides, in this order: "loss_itc", ..., "temperature", "itm_accuracy".
  std::vector<std::pair<std::string, double>> values;
  int64_t samples = 0;            ///< in this rank's batch
  std::vector<std::string> keys;  ///< of the samples: named when the loss is not finite
  double data_s = 0;              ///< how long the samples were waited for
};

/// A stage of training. Deterministic: the state of the tensors, the position in the data and the
/// StepContext fix run_batch()'s result to the bit.
class Stage {
 public:
  virtual ~Stage() = default;

  /// The trained tensors under lasting names (they name them in snapshots); the same in every call.
  virtual std::vector<NamedTensor> trained_tensors() = 0;
  /// Makes the next run_batch() take the batch that comes at `position` of this rank's run.
  virtual void seek(const DataPosition& position) = 0;
  /// Takes the next batch forward. The loop calls backward() on the loss.
  virtual StepOutput run_batch(const StepContext& context) = 0;
  /// Writes the model to use: `directory` is whole afterwards, or as it was before.
  virtual void save_model(const std::filesystem::path& directory) = 0;
};

}  // namespace blip2
