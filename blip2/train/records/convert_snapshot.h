// The model of a run that has not ended: a snapshot made into what run.output_dir/model will be.
#pragma once

#include <filesystem>

namespace blip2 {

/// Whether `path` is a folder as a run's checkpoints/step-NNNNNNNNN.
bool is_snapshot(const std::filesystem::path& path);

/// Writes the model directory that the run would have left, had the snapshot's step been its last;
/// the frozen parts come from where the run's configuration, which the snapshot holds, has them.
/// Whole or not at all; an older model at `target` is replaced. Errors: kUnsupported for a snapshot
/// without a configuration; those of load_snapshot(), assemble() and save_bundle().
void convert_snapshot(const std::filesystem::path& snapshot, const std::filesystem::path& target);

}  // namespace blip2
