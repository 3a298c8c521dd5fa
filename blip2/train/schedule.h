// The length of a run, and its learning rate as a pure function of the step.
#pragma once

#include <cstdint>

#include "blip2/train/config/keys.h"

namespace blip2 {

/// The number of optimiser steps of a run that has done `steps_done`: max_steps, or with max_epoch
/// as many more as each rank's `batches_left` to the end of the last epoch make. Throws
/// kInvalidArgument if it is 0.
int64_t num_steps(const RunConfig& run, int64_t steps_done, int64_t batches_left);

/// Linear from warmup_lr to init_lr over warmup_steps steps, then a cosine to min_lr at num_steps,
/// with a new value at every step. `step` from 1. Source: the paper, section 3.4, which does not
/// give warmup_lr.
double paper_learning_rate(const RunConfig& run, int64_t step, int64_t num_steps);

/// LAVIS's linear_warmup_cosine_lr: in epoch 0 a linear warm-up over the first warmup_steps
/// batches, then init_lr; from epoch 1 on a cosine with one value per epoch. `iteration`: batch
/// within the epoch, from 0.
double lavis_learning_rate(const RunConfig& run, int64_t epoch, int64_t iteration,
                           int64_t num_epochs);

/// Where a step is in its run.
struct StepInRun {
  int64_t step = 1;  ///< from 1
  int64_t num_steps = 1;
  int64_t epoch = 0;       ///< of the step's last batch, from 0
  int64_t iteration = 0;   ///< that batch within epoch 0, from 0; not asked for in later epochs
  int64_t num_epochs = 1;  ///< max_epoch, or those that the last step's last batch ends in
};

/// The rate of an optimiser step by run.recipe. With accumulation LAVIS's rate is that of the step's
/// last batch.
double learning_rate(const RunConfig& run, const StepInRun& at);

}  // namespace blip2
