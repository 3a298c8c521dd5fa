// Checks that all ranks hold the same weights. They start from the same weights and apply the same
// gradients, so a difference is a fault: of a machine's memory, of a folder that is not shared, or
// of this program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "blip2/nn/module.h"
#include "blip2/ranks/communicator.h"

namespace blip2 {

/// Which tensors are compared. kShare: those whose index modulo kNumShares equals the step modulo
/// kNumShares, so that kNumShares steps check all of them, each step in little time.
enum class Compared { kAll, kShare };
constexpr int64_t kNumShares = 8;

/// Compares checksums of the tensors' bytes and `state` (any number that must be equal) between the
/// ranks. Throws kCorruptData on all ranks, with a line that names `step` and the ranks that differ
/// from the most common value (with two ranks: from rank 0).
void check_same_on_all_ranks(const std::vector<NamedTensor>& tensors, int64_t step,
                             Compared compared, Communicator& communicator, int64_t state = 0);

}  // namespace blip2
