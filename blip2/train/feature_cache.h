// The frozen image encoder's output, computed once for each picture and view and kept on disk: one
// memory-mapped safetensors file [n, P, Dv] of float16 a view, keys.jsonl, and a manifest that ties
// them to the encoder, the pictures and the views. Which view a training sample takes is the
// pipeline's affair.
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

/// Pixels [3, H, W] of view `view` of a picture (0 = plain). Called by several threads at once.
using ViewFunction = std::function<std::vector<float>(const Record& record, int64_t view)>;

struct FeatureCacheConfig {
  std::filesystem::path directory;
  int64_t num_views = 1;
  int64_t image_size = 224;  ///< side of what the view function gives, pixels
  std::string views;  ///< what the views are (augmentation and its seed), recorded and compared
  double max_gigabytes =
      100;  ///< a cache that would be larger is refused before anything is written
};

/// The features of one data set.
class FeatureCache {
 public:
  /// Opens the cache of `source`'s pictures in config.directory; computes what is not there yet. An
  /// interrupted computation goes on where it stopped. A picture that cannot be used is noted, see
  /// check(). Throws kInvalidArgument for a cache of another encoder, other pictures or other
  /// views; kUnavailable for a full disk or a cache above its limit; kInterrupted.
  FeatureCache(const FeatureCacheConfig& config, const Source& source, ImageEncoder& encoder,
               const ViewFunction& view);

  /// Throws kCorruptData with the reason if picture `index` could not be used. Thread-safe.
  void check(int64_t index) const;

  /// Copies the features of picture `index` in view `view` into `out` ([P, Dv] float32).
  void read(int64_t index, int64_t view, at::Tensor out) const;

  int64_t num_views() const { return static_cast<int64_t>(views_.size()); }
  int64_t num_tokens() const { return views_.front().size(1); }
  int64_t width() const { return views_.front().size(2); }

 private:
  std::map<int64_t, std::string> unusable_;  // index -> reason
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::vector<at::Tensor> views_;  // [n, P, Dv] float16, memory-mapped
};

/// Names the encoder's weights: a checksum over names, shapes and values.
std::string encoder_checksum(ImageEncoder& encoder);

}  // namespace blip2
