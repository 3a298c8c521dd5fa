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
#include "blip2/models/text_writer.h"
#include "blip2/nn/autocast.h"
#include "tests/models/support.h"
#include "tests/support/tiny/models.h"

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
  const StartedTexts writing = start_writing(bundle, image_embeds, {{0, prompt}, {1, prompt}});
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

void expect_narrow_matrices(const std::vector<NamedTensor>& tensors) {
  int64_t num_matrices = 0, num_others = 0;
  for (const NamedTensor& named : tensors) {
    if (!named.tensor->defined() || !named.tensor->is_floating_point()) continue;
    const bool is_matrix = named.tensor->dim() == 2;
    EXPECT_EQ(named.tensor->scalar_type(), is_matrix ? at::kBFloat16 : at::kFloat) << named.name;
    ++(is_matrix ? num_matrices : num_others);
  }
  EXPECT_GT(num_matrices, 0);
  EXPECT_GT(num_others, 0);
}

TEST(Narrow, MatricesAreBfloat16AndTheRestIsAsTheFileHasIt) {
  const TemporaryFolder scratch;
  const BundleOptions narrow = {.has_bfloat16_matrices = true};
  Bundle retrieval = saved_and_loaded(testing::tiny_retrieval(scratch.path()), narrow);
  expect_narrow_matrices(named_tensors(*retrieval.stage1));
  expect_narrow_matrices(retrieval.image_encoder->tensors());
  Bundle stage2 = saved_and_loaded(testing::tiny_stage2(scratch.path()), narrow);
  expect_narrow_matrices(named_tensors(*stage2.stage2));
  expect_narrow_matrices(stage2.image_encoder->tensors());
  expect_narrow_matrices(stage2.language_model->tensors());
}

TEST(Narrow, ALanguageModelWritesNearlyAsInFloat32) {
  const TemporaryFolder scratch;
  expect_near_but_narrow(testing::tiny_stage2(scratch.path()), "a fox");
}

TEST(Narrow, AQFormerWritesNearlyAsInFloat32) {
  const TemporaryFolder scratch;
  expect_near_but_narrow(testing::tiny_retrieval(scratch.path()), "");
}

}  // namespace
}  // namespace blip2
