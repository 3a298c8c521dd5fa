#include "blip2/report/heat_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

TEST(HeatMap, UpsamplingIsBilinearBetweenCentres) {
  // Two cells over eight pixels: level to the first centre (pixel 1.5), level from the second on.
  EXPECT_THAT(upsample_weights(std::vector<float>{0, 1}, 1, 2, 8, 1),
              ElementsAre(0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1));
  // Of one size they stay what they are.
  const std::vector<float> grid = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(upsample_weights(grid, 2, 3, 3, 2), grid);
  // A plane stays a plane: the middle of 2 x 2 cells is their mean.
  EXPECT_FLOAT_EQ(upsample_weights(std::vector<float>{0, 2, 4, 6}, 2, 2, 3, 3)[4], 3);
  EXPECT_THAT(upsample_weights(std::vector<float>{5}, 1, 1, 4, 3), Each(5));
}

TEST(HeatMap, OverlayBlendsGreyedPictureAndColour) {
  const std::vector<uint8_t> white(2 * 3, 255);
  const std::vector<uint8_t> over =
      overlay_heat_map(white, 2, 1, std::vector<float>{0.2F, 0.7F}, 1, 2);
  // Weight 0: 0.7 of white and 0.3 of (38, 32, 92). Weight 1: 0.25 of white, 0.75 of (255, 228,
  // 90).
  EXPECT_THAT(over, ElementsAre(190, 188, 206, 255, 235, 131));
}

TEST(HeatMap, OnlyDifferencesOfWeightsCount) {
  std::vector<uint8_t> picture;
  for (int i = 0; i < 6 * 5 * 3; ++i) picture.push_back(static_cast<uint8_t>(i * 7));
  const std::vector<float> weights = {0, 1, 2, 3, 2, 1};
  std::vector<float> scaled;
  for (const float weight : weights) scaled.push_back(0.5F + weight / 4);
  EXPECT_EQ(overlay_heat_map(picture, 6, 5, weights, 2, 3),
            overlay_heat_map(picture, 6, 5, scaled, 2, 3));
  // All equal and NaN are as weight 0.
  const std::vector<float> equal(6, 0.3F);
  const std::vector<float> bad(6, NAN);
  EXPECT_EQ(overlay_heat_map(picture, 6, 5, equal, 2, 3),
            overlay_heat_map(picture, 6, 5, bad, 2, 3));
}

TEST(HeatMap, SizesThatDisagreeAreErrors) {
  const std::vector<uint8_t> picture(12);
  const std::vector<float> weights(4);
  EXPECT_NO_THROW(overlay_heat_map(picture, 2, 2, weights, 2, 2));
  EXPECT_THROW(overlay_heat_map(picture, 2, 3, weights, 2, 2), Error);
  EXPECT_THROW(overlay_heat_map(picture, 2, 2, weights, 2, 3), Error);
  EXPECT_THROW(overlay_heat_map({}, 0, 0, weights, 2, 2), Error);
  EXPECT_THROW(overlay_heat_map(picture, -2, -2, weights, -2, -2), Error);
  EXPECT_THROW(upsample_weights(weights, 2, 2, 0, 5), Error);
}

}  // namespace
}  // namespace blip2
