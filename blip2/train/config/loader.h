// A training configuration as it is read: a file, what the command line changes, the recipe, and
// then all checks at once.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "blip2/base/config.h"
#include "blip2/train/config/keys.h"

namespace blip2 {

/// Whether the files and directories that a configuration names are checked when it is loaded
/// (checks.h) or only when they are opened.
enum class FileChecks { kLater, kNow };

/// A resolved configuration that knows the source of each value.
class LoadedTrainConfig {
 public:
  /// Reads `path`, a file in our keys or in LAVIS's (lavis.h). Applies `overrides` ("a.b=value")
  /// and then `options`: for each command-line option that stands for a key, its name and the
  /// assignment, as in {"--seed", "run.seed=7"}. Throws kInvalidArgument with all faults, one a
  /// line; kNotFound for a missing file.
  explicit LoadedTrainConfig(const std::filesystem::path& path,
                             const std::vector<std::string>& overrides = {},
                             FileChecks checks = FileChecks::kLater,
                             const std::map<std::string, std::string>& options = {});
  /// Takes a configuration made by the program. `source` becomes the source of all its values, so
  /// that the recipe changes none of them.
  LoadedTrainConfig(TrainConfig values, const std::string& source);
  LoadedTrainConfig(const LoadedTrainConfig&) = delete;
  LoadedTrainConfig& operator=(const LoadedTrainConfig&) = delete;

  const TrainConfig& config() const { return config_; }
  /// The resolved values as YAML (`config show`, config.yaml).
  std::string to_yaml(bool with_sources) const { return document_.to_yaml(with_sources); }

 private:
  TrainConfig config_;
  ConfigDocument document_;  // points into config_
};

}  // namespace blip2
