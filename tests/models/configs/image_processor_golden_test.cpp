// Settings of image processors as transformers 4 and 5 write them, and the pixels that each gives
// (tools/make_transform_goldens.py). Bit for bit.
#include <gtest/gtest.h>

#include <bit>

#include "blip2/models/configs/image_processor.h"
#include "tests/image/golden.h"

namespace blip2 {
namespace {

/// The hash of every n-th pixel value, little-endian, so that about 2000 are taken.
std::string hash_of_some(const std::vector<float>& values) {
  const size_t step = (values.size() + 1999) / 2000;
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < values.size(); i += step) {
    const auto bits = std::bit_cast<uint32_t>(values[i]);
    for (int shift = 0; shift < 32; shift += 8)
      bytes.push_back(static_cast<uint8_t>(bits >> shift));
  }
  return testing::hash(bytes);
}

/// Columns: the file, the model's type, width, height and seed of a picture, side, hash.
void expect_pixels_of(const std::string& table) {
  const auto rows = testing::read_table(table);
  EXPECT_GE(rows.size(), 150U);
  for (const auto& row : rows) {
    SCOPED_TRACE(row.at(0) + " " + row.at(2) + "x" + row.at(3));
    const int side = std::stoi(row.at(5));
    const ImageTransform transform =
        parse_transform(row[0], "test", {.model_type = row[1], .image_size = side});
    EXPECT_EQ(transform.image_size, side);
    const Image picture = testing::noise_image(static_cast<uint32_t>(std::stoi(row[4])),
                                               std::stoi(row[2]), std::stoi(row[3]));
    EXPECT_EQ(hash_of_some(to_pixels(picture, transform)), row.at(6));
    const ImageTransform back =
        parse_transform(format_transform(transform), "test", {.image_size = side});
    EXPECT_EQ(to_pixels(picture, back), to_pixels(picture, transform));
  }
}

TEST(ImageProcessor, EqualsThePillowClassesOfTransformers4) {
  expect_pixels_of("transforms_4.tsv");
}

TEST(ImageProcessor, EqualsThePillowClassesOfTransformers5) {
  expect_pixels_of("transforms_5.tsv");
}

}  // namespace
}  // namespace blip2
