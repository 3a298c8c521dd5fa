// A cache on disk of the frozen image encoder's output for each picture and view: per view one
// memory-mapped safetensors file [n, P, Dv] float16, keys.jsonl, and a manifest that names the
// encoder, the pictures and the views. The pipeline chooses the view of a training sample.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "blip2/checkpoint/safetensors.h"
#include "blip2/data/source.h"
#include "blip2/models/vision/image_encoder.h"

namespace blip2 {

/// A view of a record's picture.
struct RecordView {
  int64_t record = 0;  ///< its number in the data set
  int64_t view = 0;    ///< 0: not augmented
};

/// Pixels [3, H, W] of a view. Called by several threads at once.
using ViewFunction = std::function<std::vector<float>(const Record& record, RecordView view)>;

struct FeatureCacheConfig {
  std::filesystem::path directory;
  int64_t num_views = 1;
  int64_t image_size = 224;    ///< side of the view function's pictures, pixels
  std::string views;           ///< augmentation and seed of the views, recorded and compared
  double max_gigabytes = 100;  ///< a larger cache is refused before anything is written
};

/// The features of one data set.
class FeatureCache {
 public:
  /// Opens the cache of `source`'s pictures in config.directory and computes what is missing. An
  /// interrupted computation resumes where it stopped. check() reports pictures that cannot be
  /// used. Throws kInvalidArgument for a cache of another encoder, of other pictures or of other
  /// views; kUnavailable for a full disk or a cache above its limit; kInterrupted.
  FeatureCache(const FeatureCacheConfig& config, const Source& source, ImageEncoder& encoder,
               const ViewFunction& view);

  /// Throws kCorruptData with the reason if picture `index` cannot be used. Thread-safe.
  void check(int64_t index) const;

  /// Copies the features of picture `index` in view `view` to `out`, [P, Dv] float32.
  void read(int64_t index, int64_t view, at::Tensor out) const;

  int64_t num_views() const { return static_cast<int64_t>(views_.size()); }
  int64_t num_tokens() const { return views_.front().size(1); }
  int64_t width() const { return views_.front().size(2); }

 private:
  std::map<int64_t, std::string> unusable_;  // index -> reason
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::vector<at::Tensor> views_;  // [n, P, Dv] float16, memory-mapped
};

/// A checksum over the names, shapes and values of the encoder's weights.
std::string encoder_checksum(ImageEncoder& encoder);

}  // namespace blip2
