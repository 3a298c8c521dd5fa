// A model directory that was opened: config.json parsed once, the headers of its weights read once.
// It is passed down instead of a path.
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>

#include "blip2/checkpoint/source.h"
#include "blip2/image/transforms.h"
#include "blip2/models/configs/directory_kind.h"

namespace blip2 {

class OpenedDirectory {
 public:
  /// Throws kNotFound (no config.json, no weights), kCorruptData, or kUnsupported naming what is
  /// known.
  explicit OpenedDirectory(std::filesystem::path path);
  OpenedDirectory(OpenedDirectory&&) noexcept;
  ~OpenedDirectory();

  const std::filesystem::path& path() const { return path_; }
  DirectoryKind kind() const { return kind_; }
  /// The fields of config.json, which errors name by its path.
  ConfigFields config() const;
  /// The text of config.json, as JSON writes it.
  std::string config_text() const;
  const TensorSource& weights() const { return *weights_; }
  /// Gives the weights away; weights() must not be called after that.
  std::unique_ptr<TensorSource> take_weights() { return std::move(weights_); }

 private:
  std::filesystem::path path_;
  std::unique_ptr<const nlohmann::ordered_json> config_;
  DirectoryKind kind_;
  std::unique_ptr<TensorSource> weights_;
};

/// Whether `path` is a directory with a config.json.
bool has_config(const std::filesystem::path& path);

/// preprocessor_config.json of a directory. Throws kNotFound where there is none, kCorruptData and
/// kUnsupported.
ImageTransform read_transform(const std::filesystem::path& directory);
bool has_transform(const std::filesystem::path& directory);

/// generation_config.json of a directory, as it is; "{}" where there is none. Throws kCorruptData
/// where it is not a JSON object.
std::string read_generation_json(const std::filesystem::path& directory);

}  // namespace blip2
