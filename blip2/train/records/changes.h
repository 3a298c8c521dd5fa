// What is not as it was when a snapshot was written, and what that means for the run: messages, and
// the position in the data that the run resumes at.
#pragma once

#include "blip2/train/config/keys.h"
#include "blip2/train/records/resume_options.h"
#include "blip2/train/records/snapshot.h"

namespace blip2 {

/// Throws kInvalidArgument, saying which data set lists what now, where a snapshot's lists are not
/// those of `options`; with ChangedData::kTaken says so in a warning.
void check_lists(const RunState& snapshot, const ResumeOptions& options);

/// Warns of each setting that changes the run's numbers, and says what it means.
void report_changed_settings(const RunState& snapshot, const RunConfig& run,
                             const ResumeOptions& options);

/// Where a run of `shape` resumes from a snapshot: at its very position, or with another shape at
/// the same sample.
DataPosition position_in(const EpochShape& shape, const DataState& snapshot);

/// Says how the epoch continues where that is not as in the snapshot, in samples.
void report_position(const RunState& snapshot, const ResumeOptions& options);

}  // namespace blip2
