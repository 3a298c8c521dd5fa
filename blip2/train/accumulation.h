// The gradient of one optimiser step: the forward and backward passes of its batches, and their
// totals over the ranks. The update is the responsibility of the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "blip2/ranks/communicator.h"
#include "blip2/train/stage.h"

namespace blip2 {

/// The totals of a step's batches.
struct StepTotals {
  double loss = 0;  ///< a mean, as are the values
  std::vector<std::pair<std::string, double>> values;
  int64_t samples = 0;            ///< a sum
  std::vector<std::string> keys;  ///< of this rank's samples
  double data_s = 0;              ///< this rank's time spent waiting for samples
  bool stop = false;              ///< this rank is asked to stop; after averaging: any rank
};

/// Seeds torch's generator for one batch, so that dropout can be replayed and snapshots need not
/// save the generator's state.
void seed_torch(const StepContext& context);

/// Runs all batches of a step, with torch's generator seeded for each, and leaves the gradient of
/// their mean loss in the tensors. Ignores step.micro_step. Calls `before_last` before the last
/// backward pass.
StepTotals run_batches(Stage& stage, StepContext step,
                       const std::function<void()>& before_last = nullptr);

/// Turns this rank's totals into those of all ranks, except the keys and data_s. The
/// GradientReducer averages the gradients.
void average_over_ranks(StepTotals& totals, Communicator& communicator);

}  // namespace blip2
