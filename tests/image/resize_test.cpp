#include "blip2/image/resize.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "blip2/base/error.h"
#include "blip2/image/resample_kernels.h"
#include "tests/image/golden.h"

namespace blip2 {
namespace {

using testing::hash;
using testing::noise_image;
using testing::noise_rgba;
using testing::read_table;

/// resize.tsv is Pillow 13's, resize_pillow_12.tsv Pillow 12's.
struct Order {
  ResizeOrder order;
  std::string suffix;
};
const Order kOrders[] = {{ResizeOrder::kByShape, ".tsv"},
                         {ResizeOrder::kHorizontalFirst, "_pillow_12.tsv"}};

void expect_pillow(const Order& order) {
  SCOPED_TRACE(order.suffix);
  const auto rows = read_table("resize" + order.suffix);
  EXPECT_GE(rows.size(), 130U);
  for (const auto& row : rows) {
    SCOPED_TRACE(row[0] + " channels, " + row[1] + ", " + row[2] + "x" + row[3] + " to " + row[4] +
                 "x" + row[5]);
    const Filter filter = row[1] == "bicubic" ? Filter::kBicubic : Filter::kBilinear;
    const int width = std::stoi(row[2]), height = std::stoi(row[3]);
    const int to_width = std::stoi(row[4]), to_height = std::stoi(row[5]);
    const auto seed = static_cast<uint32_t>(std::stoi(row[6]));
    if (row[0] == "3") {
      const Image out =
          resize(noise_image(seed, width, height), to_width, to_height, filter, order.order);
      EXPECT_EQ(out.width, to_width);
      EXPECT_EQ(out.height, to_height);
      EXPECT_EQ(hash(out.rgb), row[7]);
    } else {
      const ImageRgba out =
          resize(noise_rgba(seed, width, height), to_width, to_height, filter, order.order);
      EXPECT_EQ(hash(out.rgba), row[7]);
    }
  }
}

TEST(Resize, EqualsPillowBitForBit) {
  for (const Order& order : kOrders) expect_pillow(order);
}

TEST(Resize, OrdersHaveNames) {
  EXPECT_EQ(parse_resize_order("pillow-13"), ResizeOrder::kByShape);
  EXPECT_EQ(parse_resize_order("pillow-12"), ResizeOrder::kHorizontalFirst);
  EXPECT_THROW(parse_resize_order("pillow"), Error);
}

TEST(Resize, EveryProcessorGivesTheSameBits) {
  const int64_t supported = hwy::SupportedTargets();
  int num_targets = 0;
  for (int64_t left = supported; left != 0; left &= left - 1) {
    SCOPED_TRACE(hwy::TargetName(left & -left));
    hwy::SetSupportedTargetsForTest(left & -left);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    for (const Order& order : kOrders) expect_pillow(order);
    ++num_targets;
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  EXPECT_GE(num_targets, 1);
}

TEST(Resize, KernelsEqualPlainLoops) {
  const std::vector<uint8_t> bytes = testing::noise(5, 7 * 192);
  const std::vector<int32_t> weights = {-500'000, 1'200'000, 4'194'304, -3, 7, 0, 99'999};
  std::vector<int32_t> sums(128, 1 << 21), expected = sums;
  internal::add_weighted_rows({bytes.data() + 1, 192, weights.data(), weights.size()}, sums.data(),
                              128);
  for (size_t i = 0; i < 128; ++i) {
    for (size_t r = 0; r < weights.size(); ++r) expected[i] += weights[r] * bytes[1 + r * 192 + i];
  }
  EXPECT_EQ(sums, expected);
  std::vector<uint8_t> out(128);
  internal::weights_to_bytes(sums.data(), out.data(), 128);
  for (size_t i = 0; i < 128; ++i) EXPECT_EQ(out[i], std::clamp(expected[i] >> 22, 0, 255));
}

TEST(ResizeWindow, EqualsPillowsResizeAndCrop) {
  for (const Order& order : kOrders) {
    for (const auto& row : read_table("window" + order.suffix)) {
      const int width = std::stoi(row[0]), height = std::stoi(row[1]);
      const int64_t shorter = std::stoi(row[2]);
      const int size = std::stoi(row[3]);
      SCOPED_TRACE(row[0] + "x" + row[1]);
      ResizeWindow window{shorter, shorter, 0, 0, size, size};
      (width <= height ? window.full_height : window.full_width) =
          shorter * std::max(width, height) / std::min(width, height);
      window.left = (window.full_width - size) / 2;
      window.top = (window.full_height - size) / 2;
      const Image image = noise_image(static_cast<uint32_t>(std::stoi(row[4])), width, height);
      EXPECT_EQ(hash(resize_window(image, window, Filter::kBicubic, order.order).rgb), row[5]);
    }
  }
}

TEST(ResizeWindow, IsAPartOfTheWhole) {
  const Image image = noise_image(1, 90, 70);
  for (const auto& [width, height] :
       {std::pair{40, 33}, {90, 33}, {40, 70}, {200, 170}, {90, 70}, {80, 30}, {200, 30}}) {
    const Image whole = resize(image, width, height);
    for (const int left : {0, 1, 17}) {
      const ResizeWindow window{width, height, left, 5, 20, 21};
      EXPECT_EQ(resize_window(image, window, Filter::kBicubic).rgb,
                crop(whole, left, 5, 20, 21).rgb);
    }
  }
}

// Weights and sums of these would be many gigabytes, were they not made tile by tile.
TEST(Resize, ExtremeShapesStaySmall) {
  const int length = 400'000;
  const Image column{1, length, std::vector<uint8_t>(static_cast<size_t>(length) * 3, 77)};
  const Image row{length, 1, column.rgb};
  const std::vector<uint8_t> expected(224 * 224 * 3, 77);
  EXPECT_EQ(resize(column, 224, 224).rgb, expected);
  EXPECT_EQ(resize(row, 224, 224).rgb, expected);
  // The whole would be 102 million pixels high.
  const ResizeWindow middle{256, int64_t{256} * length, 16, int64_t{128} * length, 224, 224};
  EXPECT_EQ(resize_window(column, middle, Filter::kBicubic).rgb, expected);
}

TEST(Resize, SeveralTilesGiveTheSameAsOne) {
  const Image image = noise_image(9, 40, 30);
  const Image large = resize(image, 1200, 900);  // more sums than a tile may have
  for (const auto& [left, top] : {std::pair{0, 0}, {1000, 700}, {600, 340}, {300, 520}}) {
    const ResizeWindow window{1200, 900, left, top, 200, 200};
    EXPECT_EQ(resize_window(image, window, Filter::kBicubic).rgb,
              crop(large, left, top, 200, 200).rgb);
  }
}

TEST(Resize, RefusesWhatDoesNotFit) {
  const Image image = noise_image(1, 10, 10);
  EXPECT_THROW(resize(image, 0, 5), Error);
  EXPECT_THROW(resize(Image{}, 5, 5), Error);
  EXPECT_THROW(resize(Image{4, 4, std::vector<uint8_t>(47)}, 5, 5), Error);
  EXPECT_THROW(resize_window(image, {20, 20, 1, 0, 20, 20}, Filter::kBicubic), Error);
  EXPECT_THROW(crop(image, 5, 5, 6, 1), Error);
}

}  // namespace
}  // namespace blip2
