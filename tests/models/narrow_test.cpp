// Models whose matrices are bfloat16, computed with in bfloat16: near what they are in float32.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/remainder.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "blip2/models/bundle.h"
#include "blip2/models/writing.h"
#include "blip2/nn/autocast.h"
#include "tests/models/support.h"
#include "tests/models/tiny_models.h"

namespace blip2 {
namespace {

using testing::relative_difference;
using testing::TemporaryFolder;

/// Of the largest value: eight bits in each number, added up over a few layers.
constexpr double kTolerance = 0.05;

Bundle saved_and_loaded(const Bundle& bundle, const BundleOptions& options) {
  const TemporaryFolder folder;
  save_bundle(bundle, folder.path());
  return load_bundle(folder.path(), options);
}

/// The logits of two rows, which are forked to sixteen: enough for bfloat16 to be the faster way.
std::vector<at::Tensor> all_logits(const Bundle& bundle, const std::string& prompt) {
  const at::Tensor pixels = testing::tiny_pixels();
  const at::Tensor image_embeds = encode_images(bundle, at::cat({pixels, pixels * 0.5}));
  const Writing writing = start_writing(bundle, image_embeds, {{0, prompt}, {1, prompt}});
  std::vector<at::Tensor> logits = {writing.decoder->start()};
  logits.push_back(writing.decoder->step(at::tensor({5, 3}, at::kLong)));
  writing.decoder->select(at::remainder(at::arange(16, at::kLong), 2));
  logits.push_back(writing.decoder->step(at::remainder(at::arange(16, at::kLong), 7)));
  return logits;
}

void expect_near_but_narrow(const Bundle& exact, const std::string& prompt) {
  const Bundle narrow = saved_and_loaded(exact, {.has_bfloat16_matrices = true});
  const std::vector<at::Tensor> expected = all_logits(exact, prompt);
  const Autocast autocast(Arithmetic::kBFloat16);
  const std::vector<at::Tensor> found = all_logits(narrow, prompt);
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(found[i].scalar_type(), at::kFloat);
    EXPECT_LT(relative_difference(found[i], expected[i]), kTolerance) << i;
    EXPECT_GT(relative_difference(found[i], expected[i]), 1e-6) << i;
  }
}

TEST(Narrow, MatricesAreBfloat16AndTheRestIsAsTheFileHasIt) {
  const TemporaryFolder scratch;
  const Bundle bundle =
      saved_and_loaded(testing::tiny_retrieval(scratch.path()), {.has_bfloat16_matrices = true});
  EXPECT_EQ(bundle.stage1->text_projection.weight.scalar_type(), at::kBFloat16);
  EXPECT_EQ(bundle.stage1->text_projection.bias.scalar_type(), at::kFloat);
  EXPECT_EQ(bundle.stage1->image_norm.weight.scalar_type(), at::kFloat);
  EXPECT_EQ(bundle.stage1->qformer.layers[0].self_attention.query.weight.scalar_type(),
            at::kBFloat16);
}

TEST(Narrow, ALanguageModelWritesNearlyAsInFloat32) {
  const TemporaryFolder scratch;
  expect_near_but_narrow(testing::tiny_generative(scratch.path()), "a fox");
}

TEST(Narrow, AQFormerWritesNearlyAsInFloat32) {
  const TemporaryFolder scratch;
  expect_near_but_narrow(testing::tiny_retrieval(scratch.path()), "");
}

}  // namespace
}  // namespace blip2
