// SigLIP's image encoder against transformers (tools/make_siglip_goldens.py), and its laws.
#include "blip2/models/vision/siglip.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/open_source.h"
#include "blip2/models/vision/families.h"
#include "tests/models/support.h"

namespace blip2 {
namespace {

using ::testing::HasSubstr;
using testing::relative_difference;

/// Between float32 and the reference's float64.
constexpr double kNear = 1e-5;

/// A tiny encoder and what transformers computed with it.
struct Tiny {
  explicit Tiny(const std::string& name)
      : source(open_source(testing::golden("siglip/" + name + ".safetensors"))) {
    const std::string config = read_file(testing::golden("siglip/" + name + ".json"));
    const ImageEncoderWeights weights = parse_image_encoder(config, name).make();
    std::vector<Slot> slots;
    for (const NamedTensor& named : weights.tensors) slots.push_back({named.name, named.tensor});
    load(*source, slots, {.ignore_unused = {"golden.**"}});
    encoder = weights.finish(0);
  }

  at::Tensor golden(const std::string& name) const { return source->read("golden." + name); }

  std::unique_ptr<TensorSource> source;
  std::unique_ptr<ImageEncoder> encoder;
};

class TinySiglip : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Kinds, TinySiglip, ::testing::Values("tiny", "no_head"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(TinySiglip, LastHiddenStateEqualsTransformers) {
  const Tiny tiny(GetParam());
  const at::Tensor found = tiny.encoder->encode(tiny.golden("pixels"));
  EXPECT_EQ(found.size(2), tiny.encoder->width());
  EXPECT_LT(relative_difference(found, tiny.golden("output")), kNear);
}

TEST_P(TinySiglip, OtherSizesEqualTransformers) {
  const Tiny tiny(GetParam());
  int compared = 0;
  for (const TensorInfo& info : tiny.source->infos()) {
    const std::string prefix = "golden.", suffix = ".pixels";
    if (!info.name.starts_with(prefix) || !info.name.ends_with(suffix)) continue;
    if (info.name.size() < prefix.size() + suffix.size()) continue;  // "golden.pixels"
    const std::string size =
        info.name.substr(prefix.size(), info.name.size() - prefix.size() - suffix.size());
    const at::Tensor found = tiny.encoder->encode(tiny.source->read(info.name));
    EXPECT_LT(relative_difference(found, tiny.golden(size)), kNear) << size;
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

TEST_P(TinySiglip, BatchEqualsSingles) {
  const Tiny tiny(GetParam());
  const at::Tensor pixels = tiny.golden("pixels");
  std::vector<at::Tensor> alone;
  for (const at::Tensor& one : pixels.split(1)) alone.push_back(tiny.encoder->encode(one));
  EXPECT_LT(relative_difference(tiny.encoder->encode(pixels), at::cat(alone)), kNear);
}

TEST_P(TinySiglip, HasNoGraph) {
  const Tiny tiny(GetParam());
  set_trainable(tiny.encoder->tensors(), true);
  EXPECT_FALSE(tiny.encoder->encode(tiny.golden("pixels")).requires_grad());
}

TEST_P(TinySiglip, NarrowWeightsEqualTheirRoundedValues) {
  const Tiny narrow(GetParam()), rounded(GetParam());
  const at::Tensor pixels = narrow.golden("pixels");
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

ImageEncoderShape parse(const nlohmann::json& fields) {
  nlohmann::json config = fields;
  config["model_type"] = "siglip_vision_model";
  return parse_image_encoder(config.dump(), "config.json");
}

/// The message of the error that parsing ends in.
std::string refused(const nlohmann::json& fields, ErrorCode code) {
  try {
    parse(fields);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Siglip, HasTheParametersOfThePublishedBase) {
  EXPECT_EQ(count_parameters(parse(nlohmann::json::object()).make().tensors), 92884224);
}

TEST(Siglip, ItsConfigurationIsReadAsItIsWritten) {
  const std::string text = read_file(testing::golden("siglip/no_head.json"));
  const ImageEncoderShape shape = parse_image_encoder(text, "no_head");
  EXPECT_EQ(shape.size("intermediate_size"), 28);
  EXPECT_EQ(parse_image_encoder(shape.json, "written").json, shape.json);
  EXPECT_EQ(nlohmann::json::parse(shape.json).at("vision_use_head"), false);
}

TEST(Siglip, RefusesWhatItDoesNotCompute) {
  EXPECT_THAT(refused({{"num_attention_heads", 5}}, ErrorCode::kCorruptData),
              HasSubstr("num_attention_heads (5) must divide hidden_size (768)"));
  EXPECT_THAT(refused({{"hidden_act", "gelu_fast"}}, ErrorCode::kCorruptData),
              HasSubstr("hidden_act: expected gelu"));
  const Tiny tiny("tiny");
  EXPECT_THROW(tiny.encoder->encode(at::zeros({1, 3, 21, 6})), Error);
  EXPECT_THROW(tiny.encoder->encode_with_graph(tiny.golden("pixels"), Activations::kKept), Error);
}

}  // namespace
}  // namespace blip2
