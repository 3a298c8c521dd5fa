// An index: the ITC features of many pictures in a directory, for exact search (docs/formats.md).
// It reads and writes that directory; searching is the retriever's.
//
//   index.json            {"format", "model", "model_fingerprint", "working_directory",
//                          "num_images", "num_queries", "embed_dim"}
//   images.jsonl          {"image": path}, a line for each row; "bytes", in Base64, of a path that
//                         is no UTF-8
//   features.safetensors  itc_image [N, Q, E] float32, unit length
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "blip2/tasks/pictures.h"

namespace blip2 {

struct Bundle;

/// Names the content of a model directory: its files with their sizes and checksums (of files above
/// 64 MiB, of 64 pieces spread over them). Throws kNotFound if there is no such directory.
std::string model_fingerprint(const std::filesystem::path& directory);

/// An index that is open for reading; the features stay memory-mapped. Copies share it. Any thread
/// may read.
class Index {
 public:
  /// Throws kNotFound (no index there), kUnsupported (another format), or kCorruptData: what
  /// index.json says must be what the other two files hold.
  explicit Index(const std::filesystem::path& directory);

  int64_t size() const;         ///< N
  int64_t num_queries() const;  ///< Q
  int64_t embed_dim() const;    ///< E
  /// The path as it was given when the index was built.
  const std::string& image(int64_t row) const;
  /// The file of that picture. Relative paths start from the folder in which the index was built.
  std::filesystem::path image_file(int64_t row) const;
  /// The directory of the model that made the features.
  const std::filesystem::path& model() const;
  /// Whether `directory` holds the model that made the features.
  bool is_made_by(const std::filesystem::path& directory) const;
  /// [N, Q, E], row-major.
  std::span<const float> features() const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

/// Builds an index in a temporary folder and renames it into place at the end, so that a search
/// sees a complete index or none.
class IndexBuilder {
 public:
  /// Throws kUnsupported for a model without ITC; kInvalidArgument if `directory` holds something
  /// that is not an index.
  IndexBuilder(const Bundle& bundle, const std::filesystem::path& model,
               const std::filesystem::path& directory);
  /// Removes what was written, unless finish() was called.
  ~IndexBuilder();

  /// Appends a batch.
  void add(const std::vector<Picture>& pictures);
  /// Writes the rest and replaces an older index. Throws kInvalidArgument if there is no
  /// picture.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace blip2
