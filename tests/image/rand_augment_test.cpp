// Against LAVIS's randaugment.py over OpenCV (tools/make_rand_augment_goldens.py).
#include "blip2/image/rand_augment.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/image/golden.h"

namespace blip2 {
namespace {

using testing::hash;
using testing::noise_image;

const std::map<std::string, AugmentOperation> kOperations = {
    {"Identity", AugmentOperation::kIdentity},
    {"AutoContrast", AugmentOperation::kAutoContrast},
    {"Brightness", AugmentOperation::kBrightness},
    {"Sharpness", AugmentOperation::kSharpness},
    {"Equalize", AugmentOperation::kEqualize},
    {"ShearX", AugmentOperation::kShearX},
    {"ShearY", AugmentOperation::kShearY},
    {"TranslateX", AugmentOperation::kTranslateX},
    {"TranslateY", AugmentOperation::kTranslateY},
    {"Rotate", AugmentOperation::kRotate},
};

/// Noise that leaves the ends of the range free: contrast has something to stretch.
Image dull_noise(uint32_t seed, int width, int height) {
  Image image = noise_image(seed, width, height);
  for (uint8_t& byte : image.rgb) byte = static_cast<uint8_t>(40 + byte / 3);
  return image;
}

TEST(RandAugment, EachOperationEqualsLavis) {
  std::set<std::string> seen;
  for (const auto& row : testing::read_table("rand_augment.tsv")) {
    SCOPED_TRACE(row[0] + " " + row[1] + " " + row[2] + "x" + row[3]);
    const auto seed = static_cast<uint32_t>(std::stoi(row[4]));
    const Image out = apply_operation(dull_noise(seed, std::stoi(row[2]), std::stoi(row[3])),
                                      kOperations.at(row[0]), std::stod(row[1]));
    EXPECT_EQ(hash(out.rgb), row[5]);
    seen.insert(row[0]);
  }
  EXPECT_EQ(seen.size(), kOperations.size());
}

TEST(RandAugment, DrawsTwoOperationsHalfOfTheTime) {
  const Image image = dull_noise(1, 40, 30);
  int changed = 0;
  constexpr int kDraws = 2000;
  for (int i = 0; i < kDraws; ++i) {
    Random random(5, "test", static_cast<uint64_t>(i)), copy(5, "test", static_cast<uint64_t>(i));
    const Image out = rand_augment(image, random);
    EXPECT_EQ(out.rgb.size(), image.rgb.size());
    changed += out.rgb != image.rgb ? 1 : 0;
    for (int draw = 0; draw < 6; ++draw) copy.bits();
    EXPECT_EQ(random.bits(), copy.bits());
  }
  // Of ten operations three are the identity: an operation changes the picture with 0.5 * 0.7.
  EXPECT_NEAR(changed / double{kDraws}, 1 - 0.65 * 0.65, 0.04);
}

}  // namespace
}  // namespace blip2
