// Whose folder a run is about to write in: its own of an earlier start, or somebody's documents.
#pragma once

#include <filesystem>
#include <string>

namespace blip2 {

/// Throws unless a run may write in `output_dir`, before anything is written there:
/// kInvalidArgument where config.yaml is nobody's resolved configuration, so that writing one would
/// lose it; kCorruptData, with the line, where log.jsonl is not a training log, unless `resume` is
/// "never", which puts it aside. `config_file`: what the run is read from, "" if it is made by the
/// program.
void check_output_folder(const std::filesystem::path& output_dir, const std::string& resume,
                         const std::filesystem::path& config_file);

}  // namespace blip2
