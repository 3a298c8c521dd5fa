// The length of a run, and its learning rate as a pure function of the step.
#pragma once

#include <cstdint>

#include "blip2/train/config/keys.h"

namespace blip2 {

/// The number of optimiser steps of a run: max_steps, or those of max_epoch epochs. Throws
/// kInvalidArgument if it is 0.
int64_t num_steps(const RunConfig& run, int64_t batches_per_epoch);

/// Linear from warmup_lr to init_lr over warmup_steps steps, then a cosine to min_lr at num_steps,
/// with a new value at every step. `step` from 1. Source: the paper, section 3.4, which does not
/// give warmup_lr.
double paper_learning_rate(const RunConfig& run, int64_t step, int64_t num_steps);

/// LAVIS's linear_warmup_cosine_lr: in epoch 0 a linear warm-up over the first warmup_steps
/// batches, then init_lr; from epoch 1 on a cosine with one value per epoch. `iteration`: batch
/// within the epoch, from 0.
double lavis_learning_rate(const RunConfig& run, int64_t epoch, int64_t iteration,
                           int64_t num_epochs);

/// The rate of optimiser step `step` (from 1) by run.recipe. With accumulation LAVIS's rate is that
/// of the step's last batch; the number of epochs is max_epoch, or that of max_steps rounded up.
double learning_rate(const RunConfig& run, int64_t step, int64_t num_steps,
                     int64_t batches_per_epoch);

}  // namespace blip2
