// Makes a model directory of a snapshot, so that a run that has not ended can be tried out.
#pragma once

#include <filesystem>

namespace blip2 {

/// Whether `path` is the folder of a snapshot (checkpoints/step-NNNNNNNNN of a run).
bool is_snapshot(const std::filesystem::path& path);

/// Writes the model directory that the run would write if the snapshot's step were its last. The
/// frozen parts are read from the paths in the run's configuration, which the snapshot holds.
/// Writes the whole directory or nothing, and replaces an older model at `target`. Throws
/// kUnsupported for a snapshot without a configuration; else as load_snapshot(), assemble() and
/// save_bundle() do.
void convert_snapshot(const std::filesystem::path& snapshot, const std::filesystem::path& target);

}  // namespace blip2
