// EfficientNet-Lite0 against a plain PyTorch run (tools/make_efficientnet_goldens.py), and its
// laws.
#include "blip2/models/vision/efficientnet.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include "blip2/base/error.h"
#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/open_source.h"
#include "blip2/image/decode.h"
#include "blip2/image/transforms.h"
#include "tests/models/support.h"

namespace blip2 {
namespace {

using testing::relative_difference;

std::filesystem::path weights() {
  return testing::assets() / "models/efficientnet_lite0/efficientnet_lite0.pth";
}

EfficientNetEncoder load_lite0() {
  EfficientNet model = make_efficientnet({});
  std::vector<Slot> slots;
  for (const NamedTensor& named : named_tensors(model)) slots.push_back({named.name, named.tensor});
  load(*open_source(weights()), slots);
  return EfficientNetEncoder(std::move(model));
}

at::Tensor photograph(const std::string& name) {
  const std::string bytes = read_file(testing::assets() / "photographs" / name);
  std::vector<float> pixels =
      to_pixels(decode(std::as_bytes(std::span(bytes)), name), efficientnet_lite0_transform());
  return at::from_blob(pixels.data(), {3, 224, 224}, at::kFloat).clone();
}

/// The formula of the golden script.
at::Tensor synthetic(int64_t height, int64_t width) {
  const at::Tensor channel = at::arange(3, at::kDouble).reshape({3, 1, 1});
  const at::Tensor y = at::arange(height, at::kDouble).reshape({1, height, 1});
  const at::Tensor x = at::arange(width, at::kDouble).reshape({1, 1, width});
  return ((channel + 1) * y * 0.37 + x * (channel + 2) * 0.11).sin().to(at::kFloat).unsqueeze(0);
}

at::Tensor every_tenth(const at::Tensor& tokens) { return tokens.slice(2, 0, tokens.size(2), 10); }

EfficientNet small_network(uint64_t seed) {
  EfficientNetConfig config;
  config.stem_width = 4;
  config.stages = {{1, 3, 1, 1, 3}, {2, 5, 2, 2, 5}};
  config.head_width = 6;
  config.num_classes = 7;
  EfficientNet model = make_efficientnet(config);
  testing::fill_distinct(named_tensors(model), seed);
  return model;
}

TEST(EfficientNet, HasTheTensorsOfThePublishedFile) {
  BLIP2_REQUIRE_ASSET(weights());
  EfficientNet model = make_efficientnet({});
  std::vector<Slot> slots;
  for (const NamedTensor& named : named_tensors(model)) slots.push_back({named.name, named.tensor});
  EXPECT_EQ(slots.size(), 296u);
  EXPECT_TRUE(inspect(*open_source(weights()), slots).ok());
}

TEST(EfficientNet, GivesThePytorchLogitsAndFeaturesOfPhotographs) {
  BLIP2_REQUIRE_ASSET(weights());
  const EfficientNetEncoder encoder = load_lite0();
  const at::Tensor pixels =
      at::stack({photograph("coffee.png"), photograph("chelsea.png"), photograph("rocket.jpg")});
  const auto expected = open_source(testing::golden("efficientnet/lite0.safetensors"));
  const at::Tensor logits = encoder.classify(pixels);
  EXPECT_LT(relative_difference(logits, expected->read("photograph_logits")), 1e-4);
  const at::Tensor tokens = encoder.encode(pixels);
  EXPECT_THAT(tokens.sizes().vec(), ::testing::ElementsAre(3, 49, 1280));
  EXPECT_LT(relative_difference(every_tenth(tokens), expected->read("photograph_features")), 1e-4);

  const at::Tensor best = logits.argmax(1);
  EXPECT_EQ(best[0].item<int64_t>(), 967);                                // espresso
  EXPECT_THAT(best[1].item<int64_t>(), ::testing::AnyOf(281, 282, 285));  // cats
  EXPECT_EQ(best[2].item<int64_t>(), 657);                                // missile
}

TEST(EfficientNet, PadsOddSizesAsTensorflowDoes) {
  BLIP2_REQUIRE_ASSET(weights());
  const EfficientNetEncoder encoder = load_lite0();
  const auto expected = open_source(testing::golden("efficientnet/lite0.safetensors"));
  const at::Tensor pixels = synthetic(97, 131);
  EXPECT_LT(relative_difference(every_tenth(encoder.encode(pixels)),
                                expected->read("synthetic_features")),
            1e-4);
  EXPECT_LT(relative_difference(encoder.classify(pixels), expected->read("synthetic_logits")),
            1e-4);
}

TEST(EfficientNet, AnImageDoesNotDependOnItsBatch) {
  BLIP2_REQUIRE_ASSET(weights());
  const EfficientNetEncoder encoder = load_lite0();
  at::Tensor pixels = at::cat({synthetic(64, 64), synthetic(64, 64).flip(2)}, 0);
  pixels = at::cat({pixels, pixels * 0.5, pixels - 0.3, pixels.flip(3)}, 0).narrow(0, 0, 7);
  const at::Tensor together = encoder.encode(pixels);
  for (int64_t i = 0; i < 7; ++i) {
    const at::Tensor alone = encoder.encode(pixels.narrow(0, i, 1));
    EXPECT_LT(relative_difference(together.narrow(0, i, 1), alone), 1e-5) << i;
  }
}

TEST(EfficientNet, TokensGoRowByRow) {
  const FoldedEfficientNet folded = fold(small_network(1));
  const EfficientNetEncoder encoder(small_network(1));
  const at::Tensor pixels = synthetic(13, 22);
  const at::Tensor map = feature_map(folded, pixels);
  EXPECT_THAT(map.sizes().vec(), ::testing::ElementsAre(1, 6, 4, 6));  // a quarter, rounded up
  const at::Tensor tokens = encoder.encode(pixels);
  EXPECT_THAT(tokens.sizes().vec(), ::testing::ElementsAre(1, 24, 6));
  EXPECT_TRUE(tokens[0][6 + 2].equal(map[0].select(1, 1).select(1, 2)));
}

TEST(EfficientNet, HasNoGraph) {
  EfficientNet model = small_network(2);
  set_trainable(named_tensors(model), true);
  const EfficientNetEncoder encoder(std::move(model));
  EXPECT_FALSE(encoder.encode(synthetic(8, 8)).requires_grad());
}

TEST(EfficientNet, RefusesWrongShapes) {
  const EfficientNetEncoder encoder(small_network(3));
  EXPECT_THROW(encoder.encode(at::zeros({1, 1, 8, 8})), Error);
  EXPECT_THROW(encoder.encode(at::zeros({3, 8, 8})), Error);
  EXPECT_THROW(encoder.encode(at::zeros({0, 3, 8, 8})), Error);
  EXPECT_THROW(encoder.encode(at::zeros({1, 3, 8, 8}, at::kDouble)), Error);
  EfficientNetConfig even;
  even.stages[0].kernel = 4;
  EXPECT_THROW(make_efficientnet(even), Error);
}

}  // namespace
}  // namespace blip2
