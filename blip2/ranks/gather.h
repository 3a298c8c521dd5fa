// Gathering rows of all ranks, with gradients where LAVIS has them. With one process these
// functions are the identity. The loss of a step is the mean of the ranks' losses, and so is its
// gradient. The gradients here are sums over the ranks; the mean is taken once, for the parameters
// (gradient_reducer.h).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "blip2/ranks/communicator.h"

namespace blip2 {

/// Gathers [B, ...] into [W*B, ...] as LAVIS's GatherLayer does (1.0.2, models/base_model.py): the
/// backward pass sums the ranks' gradients of the result and keeps those of the own rows. For small
/// tensors.
at::Tensor gather_with_gradient(const at::Tensor& own, Communicator& communicator);

/// The rows `wanted` ([M] int64, M the same on all ranks) of the global batch, in which rank r owns
/// B rows from r*B on. `own` [B, ...] -> [M, ...]. Values and gradients are those of selecting rows
/// of gather_with_gradient(), but each rank receives only M rows instead of W*B, and sends back
/// only their gradients.
at::Tensor fetch_rows(const at::Tensor& own, const at::Tensor& wanted, Communicator& communicator);

/// Gathers padded [B, T], whose T may differ between the ranks, into [W*B, largest T], filled with
/// `padding`. No gradient.
at::Tensor gather_padded(const at::Tensor& own, int64_t padding, Communicator& communicator);

/// The factor of a mean over this rank's `count` tokens with which the mean over the ranks becomes
/// the mean over the tokens of all ranks (run.token_mean: global).
double global_mean_factor(int64_t count, Communicator& communicator);

}  // namespace blip2
