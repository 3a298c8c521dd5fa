// Run-length coded BMP pixels. Used only by decode_bmp.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace blip2::internal {

/// "RLE8" and "RLE4" of the BMP header's compression.
enum class BmpRuns { kBytes, kNibbles };

/// Indices [height, width] in the order of the file's rows, read from `offset` of the file as
/// Pillow's BmpRleDecoder reads them; fewer where the data end early.
std::vector<uint8_t> decode_runs(std::span<const uint8_t> file, size_t offset, BmpRuns runs,
                                 size_t width, size_t height);

}  // namespace blip2::internal
