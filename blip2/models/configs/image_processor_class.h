// The image processors of transformers that this program knows: what each takes for a key that its
// file lacks, and which keys it heeds.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "blip2/image/filters.h"

namespace blip2 {

/// One class of transformers, with its defaults.
struct ImageProcessorClass {
  const char* name;
  int size;           ///< pixels: of a square's side, or of the shorter side
  bool makes_square;  ///< whether `size` as a whole number is a square's side (default_to_square)
  bool keeps_shape;   ///< whether the Pillow class of transformers 4 takes `shortest_edge`
  bool crops;         ///< whether the Pillow class of transformers 4 heeds `do_center_crop`
  bool center_crop;   ///< the default of `do_center_crop`; the square is 224 pixels wide
  Filter filter;
  std::array<double, 3> mean;
  std::array<double, 3> std;
};

/// What a file says of its class.
struct ImageProcessorType {
  const ImageProcessorClass* processor;  ///< never null
  /// Whether it is of the classes that know every form of `size` and crop wherever they are told
  /// to: transformers 5's, and the `*Fast` ones of 4.
  bool is_general = false;
};

/// The class by a name such as "CLIPImageProcessor", "CLIPImageProcessorFast" or
/// "CLIPFeatureExtractor". Throws kUnsupported, naming `where` and what is known.
ImageProcessorType image_processor_type(std::string_view name, const std::string& where);

/// The class of a processor ("Blip2Processor") or of a model's type ("blip-2"); BLIP's for any
/// other.
const ImageProcessorClass& image_processor_of(std::string_view processor_or_model_type);

}  // namespace blip2
