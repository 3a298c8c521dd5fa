// What the ranks of a step show each other, with gradients where LAVIS has them. With one process
// everything here is the identity. The loss of a step is the mean of the ranks' losses, and so is
// its gradient: what comes back here is the sum over the ranks, and the mean is taken once, over
// the parameters.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "blip2/ranks/communicator.h"

namespace blip2 {

/// Gathers [B, ...] into [W*B, ...] as LAVIS's GatherLayer does: backward adds the ranks' gradients
/// of the whole up and keeps the own rows' (1.0.2, models/base_model.py). For small tensors.
at::Tensor gather_with_gradient(const at::Tensor& own, Communicator& communicator);

/// The rows `wanted` ([M] int64, M the same on all ranks) of the global batch, of which every rank
/// owns B rows: rank r those from r*B on. `own` [B, ...] -> [M, ...]. Values and gradients are
/// those of gather_with_gradient() and a selection of its rows, but only the wanted rows travel: M
/// instead of W*B, and their gradients the same way back.
at::Tensor fetch_rows(const at::Tensor& own, const at::Tensor& wanted, Communicator& communicator);

/// Gathers padded [B, T] whose T differs between the ranks into [W*B, the longest T]; `padding`
/// fills up. No gradient.
at::Tensor gather_padded(const at::Tensor& own, int64_t padding, Communicator& communicator);

/// By what to multiply a mean over this rank's `count` tokens so that the mean over the ranks
/// becomes the mean over all their tokens (run.token_mean: global).
double global_mean_factor(int64_t count, Communicator& communicator);

}  // namespace blip2
