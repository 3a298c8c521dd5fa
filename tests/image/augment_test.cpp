#include "blip2/image/augment.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "blip2/base/error.h"
#include "blip2/image/transforms.h"
#include "tests/image/golden.h"

namespace blip2 {
namespace {

using testing::hash;
using testing::noise_rgba;

ImageRgba plain(int width, int height, std::array<uint8_t, 4> colour) {
  ImageRgba image{width, height, {}};
  for (int i = 0; i < width * height; ++i) {
    image.rgba.insert(image.rgba.end(), colour.begin(), colour.end());
  }
  return image;
}

const uint8_t* pixel(const Image& image, int x, int y) {
  return image.rgb.data() + 3 * (y * image.width + x);
}

/// Nothing is random but what a test turns on.
AugmentOptions still() {
  AugmentOptions options;
  options.flip_probability = 0.0;
  options.max_rotation_degrees = 0.0;
  options.min_scale = options.max_scale = 1.0;
  options.max_overhang = 0.0;
  options.placement.fill = 1.0;
  options.min_background = options.max_background = 255;
  options.brightness = options.contrast = options.saturation = 0.0;
  return options;
}

TEST(Placement, EqualsPillow) {
  for (const ResizeOrder order : {ResizeOrder::kByShape, ResizeOrder::kHorizontalFirst}) {
    const bool is_new = order == ResizeOrder::kByShape;
    for (const auto& row :
         testing::read_table(is_new ? "placement.tsv" : "placement_pillow_12.tsv")) {
      SCOPED_TRACE(row[0] + "x" + row[1]);
      PlacementOptions options;
      options.resize_order = order;
      options.frame_size = std::stoi(row[2]);
      options.fill = std::stod(row[3]);
      const auto seed = static_cast<uint32_t>(std::stoi(row[4]));
      const Image out =
          place_on_background(noise_rgba(seed, std::stoi(row[0]), std::stoi(row[1])), options);
      EXPECT_EQ(out.width, options.frame_size);
      EXPECT_EQ(out.height, options.frame_size);
      EXPECT_EQ(hash(out.rgb), row[5]);
    }
  }
}

TEST(Placement, HiddenColoursDoNotShow) {
  const Image out = place_on_background(plain(20, 20, {255, 0, 0, 0}));
  EXPECT_EQ(out.rgb, std::vector<uint8_t>(224 * 224 * 3, 255));
}

TEST(Placement, RefusesNoPicture) { EXPECT_THROW(place_on_background(ImageRgba{}), Error); }

TEST(AugmentedView, WithNothingRandomIsThePlacement) {
  const ImageRgba image = noise_rgba(1, 50, 50);
  const AugmentOptions options = still();
  Random random(1, "view");
  EXPECT_EQ(augmented_view(image, options, random).rgb,
            place_on_background(image, options.placement).rgb);
}

TEST(AugmentedView, FlipMirrors) {
  const ImageRgba image = noise_rgba(2, 50, 50);
  AugmentOptions options = still();
  Random random(1, "view"), same = random;
  const Image straight = augmented_view(image, options, random);
  options.flip_probability = 1.0;
  EXPECT_EQ(augmented_view(image, options, same).rgb, flip_horizontally(straight).rgb);
}

TEST(AugmentedView, ReplaysAndVaries) {
  const ImageRgba image = noise_rgba(3, 60, 40);
  const AugmentOptions options;
  Random random(7, "view"), same = random;
  const Image first = augmented_view(image, options, random);
  EXPECT_EQ(augmented_view(image, options, same).rgb, first.rgb);
  EXPECT_EQ(random.bits(), same.bits());
  EXPECT_NE(augmented_view(image, options, random).rgb, first.rgb);
}

TEST(AugmentedView, BackgroundIsPastel) {
  AugmentOptions options;
  options.brightness = options.contrast = options.saturation = 0.0;
  const ImageRgba nothing = plain(9, 9, {0, 0, 0, 0});
  std::array<int, 3> least = {255, 255, 255};
  for (uint64_t i = 0; i < 100; ++i) {
    Random random(1, "view", i);
    const Image view = augmented_view(nothing, options, random);
    for (size_t at = 0; at < view.rgb.size(); ++at) {
      ASSERT_GE(view.rgb[at], options.min_background);
      ASSERT_EQ(view.rgb[at], view.rgb[at % 3]);
    }
    for (size_t c = 0; c < 3; ++c) least[c] = std::min<int>(least[c], view.rgb[c]);
  }
  for (const int value : least) EXPECT_LT(value, 210);
}

// A black square keeps its area under rotation and shift, and follows the scale.
TEST(AugmentedView, AreaFollowsTheScale) {
  AugmentOptions options = still();
  options.placement.fill = 0.94;
  options.max_rotation_degrees = 12.0;
  const ImageRgba square = plain(64, 64, {0, 0, 0, 255});
  for (const double scale : {0.62, 0.7}) {
    options.min_scale = options.max_scale = scale;
    for (uint64_t i = 0; i < 10; ++i) {
      Random random(2, "view", i);
      const Image view = augmented_view(square, options, random);
      double area = 0.0;
      for (size_t at = 0; at < view.rgb.size(); at += 3) area += (255 - view.rgb[at]) / 255.0;
      const double side = std::round(0.94 * 224 * scale);
      EXPECT_NEAR(area, side * side, 0.03 * side * side) << "scale " << scale;
    }
  }
}

// Left half red, right half blue: the border between them leans by the angle.
TEST(AugmentedView, RotatesWithinTheRange) {
  AugmentOptions options = still();
  options.max_rotation_degrees = 12.0;
  ImageRgba halves = plain(64, 64, {255, 0, 0, 255});
  for (size_t i = 0; i < halves.rgba.size(); i += 4) {
    if (i / 4 % 64 >= 32) halves.rgba[i] = 0, halves.rgba[i + 2] = 255;
  }
  double least = 1.0, most = -1.0;
  for (uint64_t i = 0; i < 60; ++i) {
    Random random(3, "view", i);
    const Image view = augmented_view(halves, options, random);
    const auto border = [&](int y) {
      int x = 40;
      while (x < 184 && pixel(view, x, y)[0] > pixel(view, x, y)[2]) ++x;
      return x;
    };
    const double lean = std::atan2(border(160) - border(64), 96.0) * 180.0 / std::numbers::pi;
    least = std::min(least, lean), most = std::max(most, lean);
  }
  EXPECT_NEAR(least, -12.0, 2.0);
  EXPECT_NEAR(most, 12.0, 2.0);
}

TEST(AugmentedView, StaysMostlyInside) {
  AugmentOptions options;
  options.brightness = options.contrast = options.saturation = 0.0;
  options.max_scale = 1.0;
  const ImageRgba square = plain(30, 30, {0, 0, 0, 255});
  for (uint64_t i = 0; i < 60; ++i) {
    Random random(4, "view", i), same = random;
    const Image view = augmented_view(square, options, random);
    same.uniform();
    same.uniform();
    const double scale = same.uniform(options.min_scale, options.max_scale);
    double dark = 0.0;
    for (size_t at = 0; at < view.rgb.size(); at += 3) dark += view.rgb[at] < 128 ? 1.0 : 0.0;
    const double side = 0.94 * 224 * scale;
    EXPECT_GT(dark, 0.75 * side * side);
  }
}

TEST(AugmentedView, ColoursChangeSlightly) {
  AugmentOptions options = still();
  const ImageRgba grey = plain(30, 30, {100, 150, 60, 255});
  Random reference(5, "view");
  const Image before = augmented_view(grey, options, reference);
  options.brightness = options.contrast = 0.12;
  options.saturation = 0.2;
  bool changed = false;
  for (uint64_t i = 0; i < 20; ++i) {
    Random random(5, "view", i);
    const Image after = augmented_view(grey, options, random);
    for (size_t at = 0; at < after.rgb.size(); ++at) {
      ASSERT_NEAR(after.rgb[at], before.rgb[at], 45);
      changed = changed || std::abs(after.rgb[at] - before.rgb[at]) > 5;
    }
  }
  EXPECT_TRUE(changed);
}

}  // namespace
}  // namespace blip2
