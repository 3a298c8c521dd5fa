// The laws of the image encoders that are frozen only (DINOv2, SigLIP), against transformers
// (tools/make_dinov2_goldens.py, tools/make_siglip_goldens.py).
#include <ATen/ops/cat.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/models/tiny_frozen_encoder.h"

namespace blip2 {
namespace {

using testing::relative_difference;
using testing::TinyFrozenEncoder;

/// Between float32 and the reference's float64.
constexpr double kNear = 1e-5;

class FrozenVit : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Families, FrozenVit,
                         ::testing::Values("dinov2/tiny", "dinov2/no_bias", "siglip/tiny",
                                           "siglip/no_head"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '/', '_');
                           return name;
                         });

TEST_P(FrozenVit, LastHiddenStateEqualsTransformers) {
  const TinyFrozenEncoder tiny(GetParam());
  const at::Tensor found = tiny.encoder->encode(tiny.expected("pixels"));
  EXPECT_EQ(found.size(2), tiny.encoder->width());
  EXPECT_LT(relative_difference(found, tiny.expected("output")), kNear);
}

TEST_P(FrozenVit, OtherSizesEqualTransformers) {
  const TinyFrozenEncoder tiny(GetParam());
  int compared = 0;
  for (const TensorInfo& info : tiny.source->infos()) {
    const std::string prefix = "golden.", suffix = ".pixels";
    if (!info.name.starts_with(prefix) || !info.name.ends_with(suffix)) continue;
    if (info.name.size() < prefix.size() + suffix.size()) continue;  // "golden.pixels"
    const std::string size =
        info.name.substr(prefix.size(), info.name.size() - prefix.size() - suffix.size());
    const at::Tensor found = tiny.encoder->encode(tiny.source->read(info.name));
    EXPECT_LT(relative_difference(found, tiny.expected(size)), kNear) << size;
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

TEST_P(FrozenVit, BatchEqualsSingles) {
  const TinyFrozenEncoder tiny(GetParam());
  const at::Tensor pixels = tiny.expected("pixels");
  std::vector<at::Tensor> alone;
  for (const at::Tensor& one : pixels.split(1)) alone.push_back(tiny.encoder->encode(one));
  EXPECT_LT(relative_difference(tiny.encoder->encode(pixels), at::cat(alone)), kNear);
}

TEST_P(FrozenVit, HasNoGraph) {
  const TinyFrozenEncoder tiny(GetParam());
  set_trainable(tiny.encoder->tensors(), true);
  EXPECT_FALSE(tiny.encoder->encode(tiny.expected("pixels")).requires_grad());
}

TEST_P(FrozenVit, NarrowWeightsEqualTheirRoundedValues) {
  const TinyFrozenEncoder narrow(GetParam()), rounded(GetParam());
  const at::Tensor pixels = narrow.expected("pixels");
  const at::Tensor exact = rounded.encoder->encode(pixels);
  for (const NamedTensor& named : narrow.encoder->tensors()) {
    *named.tensor = named.tensor->to(at::kBFloat16);
  }
  for (const NamedTensor& named : rounded.encoder->tensors()) {
    *named.tensor = named.tensor->to(at::kBFloat16).to(at::kFloat);
  }
  const at::Tensor expected = rounded.encoder->encode(pixels);
  EXPECT_TRUE(narrow.encoder->encode(pixels).equal(expected));
  EXPECT_FALSE(expected.equal(exact));  // the rounding shows
}

}  // namespace
}  // namespace blip2
