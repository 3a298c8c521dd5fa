// Whether a run may write in a folder: an empty one or its own, but not one with a user's own
// files.
#pragma once

#include <filesystem>
#include <string>

namespace blip2 {

/// Throws unless a run may write in `output_dir`; writes nothing. Throws kInvalidArgument if
/// config.yaml is not the resolved configuration of a run, so that writing one would lose it.
/// Throws kCorruptData, with the line, if log.jsonl is not a training log, unless `resume` is
/// "never", which moves it away. `config_file`: the file of the run's configuration, "" if the
/// program made it.
void check_output_folder(const std::filesystem::path& output_dir, const std::string& resume,
                         const std::filesystem::path& config_file);

}  // namespace blip2
