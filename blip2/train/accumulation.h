// The gradient of one optimiser step: the forward and backward passes of its batches, and the mean
// over the ranks. What becomes of the gradient is the loop's affair.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "blip2/nn/module.h"
#include "blip2/train/communicator.h"
#include "blip2/train/stage.h"

namespace blip2 {

/// What the batches of a step add up to.
struct StepTotals {
  double loss = 0;  ///< a mean, as are the values
  std::vector<std::pair<std::string, double>> values;
  int64_t samples = 0;            ///< a sum
  std::vector<std::string> keys;  ///< of this rank's samples
  bool stop = false;              ///< this rank, or after the mean any rank, wants to stop
};

/// Seeds torch's generator for one batch, so that dropout replays and no generator state needs
/// saving.
void seed_torch(const StepContext& context);

/// Runs the batches of a step, whatever its micro_step, with torch's generator seeded for each, and
/// leaves in the tensors the gradient of their mean loss.
StepTotals run_batches(Stage& stage, StepContext step);

/// Turns this rank's totals, and the gradients of `parameters`, into those of all ranks.
void average_over_ranks(StepTotals& totals, const std::vector<NamedTensor>& parameters,
                        Communicator& communicator);

}  // namespace blip2
