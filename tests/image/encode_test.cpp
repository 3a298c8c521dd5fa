#include "blip2/image/encode.h"

#include <gtest/gtest.h>

#include "blip2/base/error.h"
#include "blip2/image/decode.h"
#include "tests/image/golden.h"

namespace blip2 {
namespace {

TEST(EncodePng, IsReadBackAsItWas) {
  for (const auto& [width, height] : {std::pair{1, 1}, {7, 5}, {64, 33}}) {
    const Image image = testing::noise_image(3, width, height);
    const std::string bytes = encode_png(image);
    const Image again = decode(std::as_bytes(std::span(bytes)), "again");
    EXPECT_EQ(again.width, width);
    EXPECT_EQ(again.height, height);
    EXPECT_EQ(again.rgb, image.rgb);
    const ImageRgba clear = testing::noise_rgba(4, width, height);
    const std::string clear_bytes = encode_png(clear);
    EXPECT_EQ(decode_rgba(std::as_bytes(std::span(clear_bytes)), "again").rgba, clear.rgba);
  }
}

TEST(EncodePng, RefusesPixelsThatDoNotFit) {
  EXPECT_THROW(encode_png(Image{}), Error);
  EXPECT_THROW(encode_png(Image{2, 2, std::vector<uint8_t>(11)}), Error);
}

}  // namespace
}  // namespace blip2
