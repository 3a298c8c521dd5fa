// How long a run is, and its learning rates as pure functions of the position in it.
#pragma once

#include <cstdint>

#include "blip2/train/config/config.h"

namespace blip2 {

/// The number of optimiser steps of a run: max_steps, or max_epoch's worth of them. Throws
/// kInvalidArgument where that is none.
int64_t num_steps(const RunConfig& run, int64_t batches_per_epoch);

/// Linear from warmup_lr to init_lr over warmup_steps steps, then one cosine down to min_lr at
/// num_steps, a new value at every step. `step` from 1. (The paper, section 3.4; where the warm-up
/// starts is LAVIS's.)
double paper_learning_rate(const RunConfig& run, int64_t step, int64_t num_steps);

/// LAVIS's linear_warmup_cosine_lr: in epoch 0 a linear warm-up over the first warmup_steps
/// batches, then init_lr; from epoch 1 on one cosine value an epoch. `iteration`: batch within the
/// epoch, from 0.
double lavis_learning_rate(const RunConfig& run, int64_t epoch, int64_t iteration,
                           int64_t num_epochs);

/// The rate of optimiser step `step` (from 1) by run.recipe. With accumulation LAVIS's value is
/// that of the step's last batch; its number of epochs is max_epoch, else max_steps' worth rounded
/// up.
double learning_rate(const RunConfig& run, int64_t step, int64_t num_steps,
                     int64_t batches_per_epoch);

}  // namespace blip2
