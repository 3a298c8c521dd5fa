// Whether two pictures look the same: a hash that survives resizing, recompression and small edits.
// It does not say what is on a picture, and nothing of crops or mirrored copies.
#pragma once

#include <array>
#include <cstdint>

#include "blip2/image/image.h"

namespace blip2 {

/// What is left of a picture: its shapes in 64 bits, and its colours on a grid of 4 x 4. The bits
/// say nothing of colour, and of a picture in one colour nothing at all: both are needed.
struct PictureHash {
  uint64_t shapes = 0;
  std::array<uint8_t, 48> colours{};  ///< [4, 4, 3], RGB

  bool operator==(const PictureHash&) const = default;
};

/// The picture is squashed to 32 x 32; of the cosine transform (DCT-II) of its luma the 8 x 8
/// lowest frequencies are compared with their median: bit 8 v + u is set where that of v periods
/// down and u across is greater. Values that are noise beside the greatest count as 0. Throws as
/// resize(). Thread-safe.
/// Source: pHash's DCT image hash, in the form of Python's imagehash.phash (bicubic here).
PictureHash hash_picture(const Image& image);
/// The same of the picture on white.
PictureHash hash_picture(const ImageRgba& image);

/// In how many of the 64 bits two hashes differ.
int hamming_distance(uint64_t a, uint64_t b);

/// Whether the shapes differ in at most `max_distance` bits and every colour of the grid by at most
/// 24 of 255.
bool looks_alike(const PictureHash& a, const PictureHash& b, int max_distance);

}  // namespace blip2
