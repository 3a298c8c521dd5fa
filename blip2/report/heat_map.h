// A picture with a heat map over it: where attention looks. Pixels in, pixels out; no files.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace blip2 {

/// A grid of weights made as fine as a picture: bilinear between the cells' centres, level beyond
/// the outermost ones. `weights` is row-major [rows, columns]; the result [height, width]. Throws
/// kInvalidArgument for sizes that are not positive or disagree.
std::vector<float> upsample_weights(std::span<const float> weights, int rows, int columns,
                                    int width, int height);

/// The picture [height, width, 3] with the weights [rows, columns] over it, as RGB of the same
/// size. The weights are stretched so that the least is 0 and the greatest 1 (all equal, or NaN:
/// 0); the picture is greyed, and the warmer and denser the colour, the greater the weight. Throws
/// kInvalidArgument for sizes that are not positive or disagree.
std::vector<uint8_t> overlay_heat_map(std::span<const uint8_t> rgb, int width, int height,
                                      std::span<const float> weights, int rows, int columns);

}  // namespace blip2
