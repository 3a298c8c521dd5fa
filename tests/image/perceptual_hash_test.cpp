// Hashes by arithmetic for pictures whose cosine transform is known, and what must survive what.
#include "blip2/image/perceptual_hash.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "blip2/image/resize.h"

namespace blip2 {
namespace {

Image flat(int width, int height, uint8_t red, uint8_t green, uint8_t blue) {
  Image image{width, height, {}};
  for (int i = 0; i < width * height; ++i) {
    image.rgb.insert(image.rgb.end(), {red, green, blue});
  }
  return image;
}

/// Black, and white where `is_white(x, y)`.
template <typename Function>
Image drawn(int side, Function is_white) {
  Image image = flat(side, side, 0, 0, 0);
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      if (is_white(x, y)) std::fill_n(image.rgb.begin() + 3 * (y * side + x), 3, uint8_t{255});
    }
  }
  return image;
}

/// A red disc on a green field under a blue sky, with a white bar.
Image scene(int side) {
  Image image = flat(side, side, 0, 0, 0);
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const double u = (x + 0.5) / side, v = (y + 0.5) / side;
      const bool disc = (u - 0.3) * (u - 0.3) + (v - 0.4) * (v - 0.4) < 0.05;
      const bool bar = u > 0.6 && u < 0.75 && v > 0.2;
      const auto sky = static_cast<uint8_t>(120 + 100 * v);
      uint8_t* pixel = image.rgb.data() + 3 * (y * side + x);
      if (disc) {
        pixel[0] = 200, pixel[1] = 30, pixel[2] = 40;
      } else if (bar) {
        pixel[0] = pixel[1] = pixel[2] = 240;
      } else if (v > 0.7) {
        pixel[0] = 40, pixel[1] = 130, pixel[2] = 30;
      } else {
        pixel[0] = 90, pixel[1] = sky, pixel[2] = 220;
      }
    }
  }
  return image;
}

uint64_t bits(std::initializer_list<int> set) {
  uint64_t value = 0;
  for (const int bit : set) value |= uint64_t{1} << bit;
  return value;
}

TEST(PerceptualHash, OfAStepIsItsCosineTransform) {
  // Of a step from 0 to 255 at the middle, the sum over x of cos(pi (2 x + 1) u / 64) is
  // -sin(pi u / 2) / (2 sin(pi u / 64)): 0 for even u, below 0 for 1 and 5, above 0 for 3 and 7.
  // The constant is above 0, the median of the 64 is 0.
  EXPECT_EQ(hash_picture(drawn(32, [](int x, int) { return x >= 16; })).shapes, bits({0, 3, 7}));
  EXPECT_EQ(hash_picture(drawn(32, [](int, int y) { return y >= 16; })).shapes, bits({0, 24, 56}));
  EXPECT_EQ(hash_picture(drawn(32, [](int x, int) { return x < 16; })).shapes, bits({0, 1, 5}));
}

TEST(PerceptualHash, CountsBits) {
  EXPECT_EQ(hamming_distance(0, 0), 0);
  EXPECT_EQ(hamming_distance(0b1011, 0b0001), 2);
  EXPECT_EQ(hamming_distance(0, ~uint64_t{0}), 64);
}

TEST(PerceptualHash, OfOneColourIsThatColour) {
  const PictureHash red = hash_picture(flat(50, 40, 200, 0, 0));
  const PictureHash blue = hash_picture(flat(32, 32, 0, 0, 200));
  EXPECT_EQ(red.shapes, bits({0}));
  EXPECT_EQ(blue.shapes, red.shapes);
  EXPECT_EQ(red.colours[0], 200);
  EXPECT_EQ(red.colours[47], 0);
  EXPECT_FALSE(looks_alike(red, blue, 16));
  EXPECT_TRUE(looks_alike(red, hash_picture(flat(9, 9, 224, 0, 0)), 0));
  EXPECT_FALSE(looks_alike(red, hash_picture(flat(9, 9, 225, 0, 0)), 0));
}

TEST(PerceptualHash, OfATransparentPictureIsOfItOnWhite) {
  ImageRgba image{8, 8, {}};
  for (int i = 0; i < 64; ++i) image.rgba.insert(image.rgba.end(), {200, 0, 0, 51});
  // A fifth of the colour, four fifths of white.
  EXPECT_EQ(hash_picture(image), hash_picture(flat(8, 8, 244, 204, 204)));
}

TEST(PerceptualHash, DistanceIsTheLimit) {
  PictureHash a, b;
  b.shapes = 0b111;
  EXPECT_FALSE(looks_alike(a, b, 2));
  EXPECT_TRUE(looks_alike(a, b, 3));
}

TEST(PerceptualHash, SurvivesResizingAndBrightening) {
  const PictureHash hash = hash_picture(scene(200));
  EXPECT_TRUE(looks_alike(hash, hash_picture(scene(90)), 4));
  EXPECT_TRUE(looks_alike(hash, hash_picture(resize(scene(200), 130, 70)), 4));
  Image brighter = scene(200);
  for (uint8_t& value : brighter.rgb) value = static_cast<uint8_t>(std::min(255, value + 8));
  EXPECT_TRUE(looks_alike(hash, hash_picture(brighter), 4));
}

TEST(PerceptualHash, TellsAMirroredPictureApart) {
  const Image image = scene(64);
  Image mirrored = image;
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) {
      std::copy_n(image.rgb.begin() + 3 * (y * 64 + x), 3,
                  mirrored.rgb.begin() + 3 * (y * 64 + 63 - x));
    }
  }
  EXPECT_FALSE(looks_alike(hash_picture(image), hash_picture(mirrored), 4));
}

}  // namespace
}  // namespace blip2
