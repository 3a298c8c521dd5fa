#include "blip2/image/transforms.h"

#include <gtest/gtest.h>

#include <cmath>

#include "blip2/base/error.h"
#include "tests/image/golden.h"

namespace blip2 {
namespace {

using testing::noise_image;

ImageTransform named(const std::string& name) {
  if (name == "blip2") return blip2_transform();
  if (name == "efficientnet_lite0") return efficientnet_lite0_transform();
  ImageTransform clip = blip2_transform();
  clip.resize_mode = ResizeMode::kShorterSide;
  return clip;
}

// BlipImageProcessor and CLIPImageProcessor of transformers; EfficientNet in NumPy.
TEST(ImageTransform, EqualsHuggingFace) {
  const auto rows = testing::read_table("pixels.tsv");
  EXPECT_EQ(rows.size(), 15U);
  for (const auto& row : rows) {
    SCOPED_TRACE(row[0] + " " + row[1] + "x" + row[2]);
    const Image image =
        noise_image(static_cast<uint32_t>(std::stoi(row[3])), std::stoi(row[1]), std::stoi(row[2]));
    const std::vector<float> pixels = to_pixels(image, named(row[0]));
    ASSERT_EQ(pixels.size(), 3U * 224 * 224);
    for (size_t i = 4; i < row.size(); ++i) {
      const size_t colon = row[i].find(':');
      const size_t at = std::stoul(row[i].substr(0, colon));
      EXPECT_NEAR(pixels[at], std::stof(row[i].substr(colon + 1)), 1e-6) << "value " << at;
    }
  }
}

TEST(ImageTransform, TakesTheUsersResizeOrder) {
  const Image tall = noise_image(3, 300, 800);
  ImageTransform squash = blip2_transform(), crop = efficientnet_lite0_transform();
  squash.resize_order = crop.resize_order = ResizeOrder::kHorizontalFirst;
  EXPECT_EQ(resize_and_crop(tall, squash).rgb,
            resize(tall, 224, 224, Filter::kBicubic, ResizeOrder::kHorizontalFirst).rgb);
  EXPECT_NE(to_pixels(tall, squash), to_pixels(tall, blip2_transform()));
  EXPECT_NE(to_pixels(tall, crop), to_pixels(tall, efficientnet_lite0_transform()));
}

TEST(ImageTransform, RefusesAPictureThatDoesNotBecomeASquare) {
  ImageTransform transform = efficientnet_lite0_transform();
  transform.shorter_side = 224;
  transform.center_crop = false;
  EXPECT_EQ(to_pixels(noise_image(1, 30, 30), transform).size(), 3U * 224 * 224);
  EXPECT_THROW(to_pixels(noise_image(1, 30, 31), transform), Error);
  transform.resize_mode = ResizeMode::kNone;
  EXPECT_THROW(to_pixels(noise_image(1, 30, 30), transform), Error);
  EXPECT_THROW(to_pixels(Image{}, blip2_transform()), Error);
  transform.resize_mode = ResizeMode::kPlaceOnBackground;
  EXPECT_THROW(to_pixels(noise_image(1, 300, 300), transform), Error);
}

// As center_crop() of transformers: an odd rest lies to the right and below.
TEST(ImageTransform, ACropLargerThanThePictureIsBlackAround) {
  ImageTransform transform = blip2_transform();
  transform.resize_mode = ResizeMode::kNone;
  transform.image_size = 5;
  const Image picture = noise_image(1, 2, 8);
  const Image out = resize_and_crop(picture, transform);
  for (size_t y = 0; y < 5; ++y) {
    for (size_t x = 0; x < 5; ++x) {
      const bool is_inside = x == 2 || x == 3;
      for (size_t c = 0; c < 3; ++c) {
        EXPECT_EQ(out.rgb[(y * 5 + x) * 3 + c],
                  is_inside ? picture.rgb[((y + 1) * 2 + x - 2) * 3 + c] : 0);
      }
    }
  }
}

TEST(ImageTransform, OfAnotherSizeSeesTheSameShareOfAPicture) {
  ImageTransform transform = efficientnet_lite0_transform();
  transform.longest_side = 512;
  const ImageTransform half = with_image_size(transform, 112);
  EXPECT_EQ(half.image_size, 112);
  EXPECT_EQ(half.shorter_side, 128);
  EXPECT_EQ(half.longest_side, 256);
}

TEST(ImageTransform, ExtremeShapes) {
  for (const auto& [width, height] : {std::pair{1, 1}, {1, 100'000}, {100'000, 1}}) {
    EXPECT_EQ(to_pixels(noise_image(1, width, height), efficientnet_lite0_transform()).size(),
              3U * 224 * 224);
  }
}

TEST(RandomCrop, BoxesKeepAreaAndRatio) {
  const RandomCropOptions options;
  double least_area = 1.0, most_area = 0.0, least_ratio = 10.0, most_ratio = 0.0;
  for (uint64_t i = 0; i < 2000; ++i) {
    Random random(5, "crop", i);
    const Box box = random_crop_box(400, 360, options, random);
    ASSERT_GE(box.left, 0);
    ASSERT_GE(box.top, 0);
    ASSERT_LE(box.left + box.width, 400);
    ASSERT_LE(box.top + box.height, 360);
    const double area = box.width * box.height / (400.0 * 360.0);
    const double ratio = static_cast<double>(box.width) / box.height;
    least_area = std::min(least_area, area), most_area = std::max(most_area, area);
    least_ratio = std::min(least_ratio, ratio), most_ratio = std::max(most_ratio, ratio);
  }
  EXPECT_NEAR(least_area, 0.5, 0.02);
  EXPECT_GT(most_area, 0.93);
  EXPECT_LE(most_area, 1.0);
  EXPECT_NEAR(least_ratio, 0.75, 0.03);
  EXPECT_NEAR(most_ratio, 4.0 / 3.0, 0.04);
}

TEST(RandomCrop, TakesTheUsersResizeOrder) {
  const Image image = noise_image(2, 50, 1000);
  RandomCropOptions options;
  Random random(3, "crop"), same = random;
  const Image by_shape = random_resized_crop(image, 40, options, random);
  options.resize_order = ResizeOrder::kHorizontalFirst;
  EXPECT_NE(random_resized_crop(image, 40, options, same).rgb, by_shape.rgb);
}

// torchvision's fallback: the centre, clamped to the range of ratios.
TEST(RandomCrop, FallsBackToTheCentre) {
  Random random(1, "crop");
  const Box wide = random_crop_box(1000, 30, {}, random);
  EXPECT_EQ(wide.width, 40);
  EXPECT_EQ(wide.height, 30);
  EXPECT_EQ(wide.left, 480);
  EXPECT_EQ(wide.top, 0);
  const Box tall = random_crop_box(30, 1000, {}, random);
  EXPECT_EQ(tall.width, 30);
  EXPECT_EQ(tall.height, 40);
  EXPECT_EQ(tall.top, 480);
  const Box tiny = random_crop_box(1, 1, {}, random);
  EXPECT_EQ(tiny.width, 1);
  EXPECT_EQ(tiny.height, 1);
}

TEST(RandomCrop, IsCropThenResizeAndReplays) {
  const Image image = noise_image(2, 120, 90);
  RandomCropOptions options;
  for (uint64_t i = 0; i < 6; ++i) {
    options.flip_probability = i % 2 == 0 ? 0.0 : 1.0;
    Random random(3, "crop", i), same = random, again = random;
    const Image out = random_resized_crop(image, 64, options, random);
    const Box box = random_crop_box(120, 90, options, same);
    Image expected = resize(crop(image, box.left, box.top, box.width, box.height), 64, 64);
    if (i % 2 == 1) expected = flip_horizontally(expected);
    EXPECT_EQ(out.rgb, expected.rgb);
    EXPECT_EQ(random_resized_crop(image, 64, options, again).rgb, out.rgb);
  }
}

TEST(Flip, ExchangesLeftAndRight) {
  const Image image{3, 2, {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19}};
  const std::vector<uint8_t> expected = {7,  8,  9,  4,  5,  6,  1,  2,  3,
                                         17, 18, 19, 14, 15, 16, 11, 12, 13};
  EXPECT_EQ(flip_horizontally(image).rgb, expected);
}

}  // namespace
}  // namespace blip2
