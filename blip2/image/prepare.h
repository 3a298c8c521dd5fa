// From a picture file's bytes to what an image encoder reads, in one step: decoding, the transform
// of the model, and for training a random view. Every verb and every data worker comes through
// here.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/base/random.h"
#include "blip2/image/decode.h"
#include "blip2/image/image.h"
#include "blip2/image/transforms.h"

namespace blip2 {

/// What training does to a picture, by the names of `datasets.X.augment`.
enum class Augmentation {
  kNone,                   ///< "none"
  kRandomResizedCropFlip,  ///< "random_resized_crop_flip" (blip2_image_train)
  kRandAugment,  ///< "random_resized_crop_flip_randaugment": two operations more (blip_image_train)
  kCutout,  ///< "cutout": a cut-out picture placed at random on a pastel background (augment.h)
};

/// Throws kInvalidArgument for any other name.
Augmentation parse_augmentation(std::string_view name);

/// The square picture as the model sees it, before normalisation.
Image prepare_image(std::span<const std::byte> bytes, const std::string& name,
                    const ImageTransform& transform, const DecodeOptions& options = {});

/// Pixels [3, image_size, image_size], normalised.
std::vector<float> prepare_pixels(std::span<const std::byte> bytes, const std::string& name,
                                  const ImageTransform& transform,
                                  const DecodeOptions& options = {});

/// The same of a picture that is decoded already (decode_rgba()), for any transform: what models of
/// several kinds read of one picture.
std::vector<float> prepare_pixels(const ImageRgba& picture, const ImageTransform& transform);

/// How a data set's pictures become views.
struct ViewOptions {
  Augmentation augmentation = Augmentation::kNone;
  DecodeOptions decode = {};
};

/// The same of a random view; kNone gives prepare_pixels().
std::vector<float> prepare_view(std::span<const std::byte> bytes, const std::string& name,
                                const ImageTransform& transform, const ViewOptions& view,
                                Random& random);

}  // namespace blip2
