#include "blip2/image/prepare.h"

#include <gtest/gtest.h>

#include "blip2/base/error.h"
#include "blip2/image/augment.h"
#include "tests/image/golden.h"

namespace blip2 {
namespace {

const std::string kName = "png_pillow.png";  // with alpha

class Prepare : public ::testing::Test {
 protected:
  std::string file_ = testing::golden_picture(kName);
  std::span<const std::byte> bytes_ = std::as_bytes(std::span(file_));
};

TEST_F(Prepare, IsDecodeThenTransform) {
  for (const ImageTransform& transform : {blip2_transform(), efficientnet_lite0_transform()}) {
    EXPECT_EQ(prepare_pixels(bytes_, kName, transform),
              to_pixels(decode(bytes_, kName), transform));
  }
}

TEST_F(Prepare, PlacesWithItsAlpha) {
  ImageTransform transform = efficientnet_lite0_transform();
  transform.resize_mode = ResizeMode::kPlaceOnBackground;
  transform.fill = 0.5;
  transform.background = {9, 8, 7};
  const Image expected = place_on_background(decode_rgba(bytes_, kName), {224, 0.5, {9, 8, 7}});
  EXPECT_EQ(prepare_image(bytes_, kName, transform).rgb, expected.rgb);
  EXPECT_EQ(expected.rgb[0], 9);
}

TEST_F(Prepare, ADecodedPictureGivesWhatItsBytesGive) {
  ImageTransform placed = efficientnet_lite0_transform();
  placed.resize_mode = ResizeMode::kPlaceOnBackground;
  const ImageRgba picture = decode_rgba(bytes_, kName);
  for (const ImageTransform& transform :
       {blip2_transform(), efficientnet_lite0_transform(), placed}) {
    EXPECT_EQ(prepare_pixels(picture, transform), prepare_pixels(bytes_, kName, transform));
  }
}

TEST_F(Prepare, ViewsReplay) {
  const ImageTransform transform = blip2_transform();
  for (const char* name : {"none", "random_resized_crop_flip", "cutout"}) {
    SCOPED_TRACE(name);
    const Augmentation augmentation = parse_augmentation(name);
    Random random(1, "view"), same = random;
    const auto view = prepare_view(bytes_, kName, transform, {augmentation}, random);
    EXPECT_EQ(view.size(), 3U * 224 * 224);
    EXPECT_EQ(prepare_view(bytes_, kName, transform, {augmentation}, same), view);
    const bool fixed = augmentation == Augmentation::kNone;
    EXPECT_EQ(prepare_view(bytes_, kName, transform, {augmentation}, random) == view, fixed);
  }
}

TEST_F(Prepare, RefusesUnknownAugmentations) { EXPECT_THROW(parse_augmentation("flip"), Error); }

}  // namespace
}  // namespace blip2
