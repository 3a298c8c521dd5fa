// A model directory that was opened: config.json parsed once, the headers of its weights read once.
// It is passed down instead of a path.
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>

#include "blip2/checkpoint/source.h"
#include "blip2/image/transforms.h"
#include "blip2/models/configs/directory_kind.h"

namespace blip2 {

class OpenedDirectory {
 public:
  /// Opens model_directory(path). Throws kNotFound (no config.json, no weights), kCorruptData, or
  /// kUnsupported naming what is known, or what it is instead of a model.
  explicit OpenedDirectory(const std::filesystem::path& path);
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

/// The transform of a directory: `image_processor` of its processor_config.json, as transformers 5
/// reads it, else its preprocessor_config.json; nothing where it has neither. Where both are there
/// and differ, a warning says so. `encoder_size`: pixels a side of the encoder's pictures, for a
/// transform that resizes nothing. Throws kCorruptData and kUnsupported.
std::optional<ImageTransform> find_transform(const OpenedDirectory& directory,
                                             int64_t encoder_size);
/// The same; throws kNotFound where there is none.
ImageTransform read_transform(const OpenedDirectory& directory, int64_t encoder_size);

/// generation_config.json of a directory, as it is, to be copied; "{}" where there is none that is a
/// JSON object.
std::string read_generation_json(const std::filesystem::path& directory);

}  // namespace blip2
