// Do all ranks hold the same weights? They start from the same ones and apply the same gradients,
// so that anything else is a fault: of a machine's memory, of a folder that is not shared, of this
// program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "blip2/nn/module.h"
#include "blip2/ranks/communicator.h"

namespace blip2 {

/// How much of the weights is compared. kShare: the tensors whose place is the step modulo
/// kNumShares, so that every weight is looked at in kNumShares steps for little time in each.
enum class Compared { kAll, kShare };
constexpr int64_t kNumShares = 8;

/// Compares checksums of the tensors' bytes, and `state` (any number that must be the same), over
/// the ranks. Throws kCorruptData, on all of them, with a line that names the ranks that differ
/// from the most common value (with two ranks: from rank 0) and `step`.
void check_same_on_all_ranks(const std::vector<NamedTensor>& tensors, int64_t step,
                             Compared compared, Communicator& communicator, int64_t state = 0);

}  // namespace blip2
