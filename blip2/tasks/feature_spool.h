// Collects features for one safetensors file whose number of rows is known only at the end, because
// inputs may fail. It keeps them on disk, so that memory does not grow with the number of inputs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace blip2 {

/// Rows of one feature, float32.
struct FeatureRows {
  std::string name;
  std::vector<int64_t> row_shape;  ///< of one row: the shape without its leading dimension
  std::vector<float> values;       ///< [rows, row_shape...]
};

class FeatureSpool {
 public:
  /// `output` is the file to write at the end. Throws kUnavailable if nothing can be written beside
  /// it.
  explicit FeatureSpool(std::filesystem::path output);
  /// Removes what was written, unless finish() was called.
  ~FeatureSpool();
  FeatureSpool(const FeatureSpool&) = delete;
  FeatureSpool& operator=(const FeatureSpool&) = delete;

  /// Appends rows. A feature has the same shape every time. Throws kUnavailable (a full disk).
  void append(const FeatureRows& rows);

  /// Writes the file: a tensor [rows, row_shape...] for each feature. Throws kInvalidArgument if
  /// there is no row.
  void finish();

 private:
  struct Feature;
  std::filesystem::path output_;
  std::filesystem::path folder_;
  std::vector<std::unique_ptr<Feature>> features_;
};

}  // namespace blip2
