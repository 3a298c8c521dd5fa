// The loop over the batches of a step, and one sum over the ranks.
#include "blip2/train/accumulation.h"

#include <ATen/Context.h>
#include <ATen/ops/tensor.h>

#include "blip2/base/error.h"
#include "blip2/base/random.h"

namespace blip2 {

void seed_torch(const StepContext& context) {
  const uint64_t batch =
      static_cast<uint64_t>(context.micro_step) << 32 | static_cast<uint64_t>(context.rank);
  at::manual_seed(Random(context.seed, "torch", static_cast<uint64_t>(context.step), batch).bits());
}

StepTotals run_batches(Stage& stage, StepContext context,
                       const std::function<void()>& before_last) {
  const double share = 1.0 / static_cast<double>(context.batches_per_step);
  StepTotals totals;
  for (context.micro_step = 0; context.micro_step < context.batches_per_step;
       ++context.micro_step) {
    seed_torch(context);
    const StepOutput output = stage.run_batch(context);
    if (before_last && context.micro_step + 1 == context.batches_per_step) before_last();
    (output.loss * share).backward();

    if (context.micro_step == 0) {
      for (const auto& [name, value] : output.values) totals.values.emplace_back(name, 0.0);
    }
    BLIP2_CHECK(totals.values.size() == output.values.size());
    for (size_t i = 0; i < totals.values.size(); ++i) {
      totals.values[i].second += share * output.values[i].second;
    }
    totals.loss += share * output.loss.item<double>();
    totals.samples += output.samples;
    totals.data_s += output.data_s;
    totals.keys.insert(totals.keys.end(), output.keys.begin(), output.keys.end());
  }
  return totals;
}

void average_over_ranks(StepTotals& totals, Communicator& communicator) {
  if (communicator.world_size() == 1) return;
  const double num_ranks = static_cast<double>(communicator.world_size());
  std::vector<double> numbers = {totals.stop ? 1.0 : 0.0, static_cast<double>(totals.samples),
                                 totals.loss / num_ranks};
  for (const auto& [name, value] : totals.values) numbers.push_back(value / num_ranks);
  at::Tensor summed = at::tensor(numbers, at::kDouble);
  communicator.all_reduce_sum_(summed);
  const double* sums = summed.const_data_ptr<double>();
  totals.stop = sums[0] > 0;
  totals.samples = static_cast<int64_t>(sums[1]);
  totals.loss = sums[2];
  for (size_t i = 0; i < totals.values.size(); ++i) totals.values[i].second = sums[3 + i];
}

}  // namespace blip2
