// What a family of image encoders is to the rest of the program: a record that turns a
// configuration into weights, and loaded weights into an ImageEncoder. The list of families is
// families.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip2/base/json_struct.h"
#include "blip2/image/transforms.h"
#include "blip2/models/vision/image_encoder.h"
#include "blip2/nn/module.h"

namespace blip2 {

/// An image encoder's tensors: made, not filled.
struct ImageEncoderWeights {
  std::vector<NamedTensor> tensors;  ///< under the names that follow `vision_model.` in a file
  /// Makes the encoder, once, after the tensors were filled: some derive from them what they
  /// compute with. `image_size`: pixels a side that it is shown; 0: its configuration's. Throws
  /// kUnsupported where the family cannot be shown another size.
  std::function<std::unique_ptr<ImageEncoder>(int64_t image_size)> finish;
};

/// A configuration that its family has parsed.
struct ImageEncoderShape {
  std::string family;      ///< the `model_type` by which messages and `inspect` name it
  int64_t width = 0;       ///< Dv
  int64_t image_size = 0;  ///< pixels a side
  int64_t patch_size = 0;  ///< pixels a side; 0: not a vision transformer that can be trained
  /// Sizes by the names of config.json, in a reader's order.
  std::vector<std::pair<std::string, int64_t>> sizes;
  /// Whether it can be trained, be shown other sizes, and compute with weights in the dtype of
  /// their file. Vision transformers of other families are for inference only.
  bool is_transformer() const { return patch_size > 0; }
  /// A size by its name. It must be there.
  int64_t size(std::string_view name) const;
  ImageTransform transform;  ///< where a directory has none
  std::string json;          ///< the configuration with every size, as it is written
  std::function<ImageEncoderWeights()> make;
};

/// One family of image encoders.
struct ImageEncoderFamily {
  std::vector<std::string> model_types;  ///< that it parses; the first names it
  /// Throws kCorruptData, naming file and key, for a value that is out of range.
  ImageEncoderShape (*parse)(const ConfigFields& fields);
};

}  // namespace blip2
