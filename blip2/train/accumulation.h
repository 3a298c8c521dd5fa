// The gradient of one optimiser step: the forward and backward passes of its batches, and what they
// add up to over the ranks. What becomes of the gradient is the loop's affair.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "blip2/ranks/communicator.h"
#include "blip2/train/stage.h"

namespace blip2 {

/// What the batches of a step add up to.
struct StepTotals {
  double loss = 0;  ///< a mean, as are the values
  std::vector<std::pair<std::string, double>> values;
  int64_t samples = 0;            ///< a sum
  std::vector<std::string> keys;  ///< of this rank's samples
  double data_s = 0;              ///< this rank's waiting for samples, a sum
  bool stop = false;              ///< this rank, or after the mean any rank, wants to stop
};

/// Seeds torch's generator for one batch, so that dropout replays and no generator state needs
/// saving.
void seed_torch(const StepContext& context);

/// Runs the batches of a step, whatever its micro_step, with torch's generator seeded for each, and
/// leaves in the tensors the gradient of their mean loss. `before_last` is called before the last
/// of its backward passes.
StepTotals run_batches(Stage& stage, StepContext step,
                       const std::function<void()>& before_last = nullptr);

/// Turns this rank's totals into those of all ranks; the keys stay this rank's. The gradients are
/// train/gradient_reducer's.
void average_over_ranks(StepTotals& totals, Communicator& communicator);

}  // namespace blip2
