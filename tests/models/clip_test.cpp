// CLIP and its text model against transformers (tools/make_clip_goldens.py), and their laws.
#include "blip2/models/clip/clip.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <functional>

#include "blip2/base/error.h"
#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/open_source.h"
#include "blip2/nn/norm.h"
#include "tests/models/support.h"

namespace blip2 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::relative_difference;

/// Between float32 and the reference's float64.
constexpr double kNear = 1e-5;

/// `end`: the token that ends a text; 2 makes it the one with the largest id.
ClipConfig tiny_config(int64_t end) {
  ClipConfig config;
  config.projection_dim = 14;
  ClipTextConfig& text = config.text;
  text.vocab_size = 41;
  text.hidden_size = 18;
  text.intermediate_size = 26;
  text.num_hidden_layers = 2;
  text.num_attention_heads = 3;
  text.max_position_embeddings = 9;
  text.layer_norm_eps = 4e-3;
  text.eos_token_id = end;
  VitConfig& vision = config.vision;
  vision.hidden_size = 20;
  vision.intermediate_size = 32;
  vision.num_hidden_layers = 2;
  vision.num_attention_heads = 4;
  vision.image_size = 15;
  vision.patch_size = 5;
  vision.hidden_act = "gelu";
  vision.layer_norm_eps = 6e-3;
  return config;
}

/// A tiny model and what transformers computed with it.
struct Tiny {
  explicit Tiny(int64_t end = 2)
      : source(open_source(testing::golden("clip/clip.safetensors"))),
        model(make_clip(tiny_config(end))) {
    std::vector<Slot> slots;
    for (const NamedTensor& named : named_tensors(model)) {
      slots.push_back({named.name, named.tensor});
    }
    LoadOptions options;
    options.ignore_unused = {"golden.**"};
    load(*source, slots, options);
  }
  at::Tensor golden(const std::string& name) const { return source->read("golden." + name); }

  std::unique_ptr<TensorSource> source;
  Clip model;
};

/// The two rules of where a text ends, by the configuration's end token.
std::string rule_name(int64_t end) { return end == 2 ? "largest" : "first"; }

class TinyClipText : public ::testing::TestWithParam<int64_t> {};
INSTANTIATE_TEST_SUITE_P(Rules, TinyClipText, ::testing::Values(2, 31),
                         [](const auto& info) { return rule_name(info.param); });

TEST_P(TinyClipText, HiddenAndPooledRowsEqualTransformers) {
  const Tiny tiny(GetParam());
  const std::string rule = rule_name(GetParam());
  const at::Tensor ids = tiny.golden("ids");
  const ClipText& text = tiny.model.text_model;
  EXPECT_LT(relative_difference(clip_text_hidden(text, ids), tiny.golden(rule + ".hidden")), kNear);
  EXPECT_LT(relative_difference(clip_text_pooled(text, ids), tiny.golden(rule + ".pooled")), kNear);
}

TEST_P(TinyClipText, FeaturesEqualTransformers) {
  const Tiny tiny(GetParam());
  const std::string rule = rule_name(GetParam());
  const at::Tensor ids = tiny.golden("ids"), mask = tiny.golden("mask");
  const at::Tensor projected = text_features(tiny.model, ids, {}, FeatureLength::kProjected);
  EXPECT_LT(relative_difference(projected, tiny.golden(rule + ".features")), kNear);
  EXPECT_LT(relative_difference(text_features(tiny.model, ids, mask, FeatureLength::kProjected),
                                tiny.golden(rule + ".masked")),
            kNear);
  EXPECT_LT(relative_difference(text_features(tiny.model, ids), tiny.golden(rule + ".text_embeds")),
            kNear);
  EXPECT_LT(
      relative_difference(
          similarity(tiny.model, image_features(tiny.model, tiny.golden("pixels")), projected),
          tiny.golden(rule + ".logits")),
      kNear);
}

TEST(ClipText, EndsWhereTheConfigurationSays) {
  const at::Tensor ids = at::tensor({39, 5, 31, 7, 40, 40,  //
                                     39, 31, 31, 40, 0, 0,  //
                                     39, 40, 9, 0, 0, 0},
                                    at::kLong)
                             .view({3, 6});
  EXPECT_TRUE(end_positions(tiny_config(2).text, ids).equal(at::tensor({4, 3, 1}, at::kLong)));
  EXPECT_TRUE(end_positions(tiny_config(31).text, ids).equal(at::tensor({2, 1, 0}, at::kLong)));
}

TEST(ClipText, WhatStandsBehindTheEndIsNotSeen) {
  const Tiny tiny(31);
  const at::Tensor alone = at::tensor({39, 5, 7, 31}, at::kLong).view({1, 4});
  const at::Tensor expected = text_features(tiny.model, alone);
  at::Tensor padded = at::full({3, 9}, 40, at::kLong);
  padded[1].fill_(0);
  padded[2].fill_(31);
  padded.narrow(1, 0, 4).copy_(alone.expand({3, 4}));
  const at::Tensor found = text_features(tiny.model, padded);
  EXPECT_LT(relative_difference(found, expected.expand({3, 14})), kNear);
  at::Tensor mask = at::zeros({3, 9}, at::kLong);
  mask.narrow(1, 0, 4).fill_(1);
  EXPECT_LT(relative_difference(text_features(tiny.model, padded, mask), found), 1e-6);
}

TEST(Clip, ImageFeaturesEqualTransformers) {
  const Tiny tiny;
  const at::Tensor pixels = tiny.golden("pixels");
  EXPECT_LT(relative_difference(image_features(tiny.model, pixels, FeatureLength::kProjected),
                                tiny.golden("image_features")),
            kNear);
  EXPECT_LT(relative_difference(image_features(tiny.model, pixels), tiny.golden("image_embeds")),
            kNear);
}

TEST(Clip, CosinesDoNotDependOnLengths) {
  const Tiny tiny;
  const at::Tensor images = image_features(tiny.model, tiny.golden("pixels"));
  const at::Tensor texts = text_features(tiny.model, tiny.golden("ids"));
  const at::Tensor found = cosines(images, texts);
  EXPECT_THAT(found.sizes().vec(), ElementsAre(3, 4));
  EXPECT_NEAR(found[2][1].item<double>(), (images[2] * texts[1]).sum().item<double>(), 1e-6);
  EXPECT_LT(relative_difference(cosines(images * 3.0, texts * 0.2), found), 1e-6);
  EXPECT_LT(relative_difference(similarity(tiny.model, images, texts), found * std::exp(1.7)),
            1e-6);
}

TEST(Clip, BatchEqualsSingles) {
  const Tiny tiny;
  const at::Tensor pixels = tiny.golden("pixels"), ids = tiny.golden("ids");
  const at::Tensor images = image_features(tiny.model, pixels);
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_LT(relative_difference(image_features(tiny.model, pixels.narrow(0, i, 1)),
                                  images.narrow(0, i, 1)),
              kNear);
  }
  // More rows than run through a layer together; each has its own mask.
  const at::Tensor mask = tiny.golden("mask");
  const at::Tensor texts = text_features(tiny.model, ids.repeat({100, 1}), mask.repeat({100, 1}));
  for (int64_t i = 0; i < 400; i += 33) {
    EXPECT_LT(relative_difference(
                  text_features(tiny.model, ids.narrow(0, i % 4, 1), mask.narrow(0, i % 4, 1)),
                  texts.narrow(0, i, 1)),
              kNear);
  }
}

TEST(Clip, NarrowWeightsEqualTheirRoundedValues) {
  Tiny narrow, rounded;
  const at::Tensor pixels = narrow.golden("pixels"), ids = narrow.golden("ids");
  for (const NamedTensor& named : named_tensors(narrow.model)) {
    *named.tensor = named.tensor->to(at::kBFloat16);
  }
  for (const NamedTensor& named : named_tensors(rounded.model)) {
    *named.tensor = named.tensor->to(at::kBFloat16).to(at::kFloat);
  }
  const at::Tensor images = image_features(narrow.model, pixels);
  const at::Tensor texts = text_features(narrow.model, ids);
  EXPECT_LT(relative_difference(images, image_features(rounded.model, pixels)), 1e-6);
  EXPECT_LT(relative_difference(texts, text_features(rounded.model, ids)), 1e-6);
  EXPECT_LT(relative_difference(similarity(narrow.model, images, texts),
                                similarity(rounded.model, images, texts)),
            1e-6);
}

TEST(Clip, HasNoGraph) {
  Tiny tiny;
  set_trainable(named_tensors(tiny.model), true);
  const at::Tensor images = image_features(tiny.model, tiny.golden("pixels"));
  const at::Tensor texts = text_features(tiny.model, tiny.golden("ids"));
  EXPECT_FALSE(images.requires_grad() || texts.requires_grad());
  EXPECT_FALSE(similarity(tiny.model, images, texts).requires_grad());
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Clip, RefusesWrongTexts) {
  const Tiny tiny;
  const auto refused = [&](const at::Tensor& ids, const at::Tensor& mask = {}) {
    return message_of([&] { text_features(tiny.model, ids, mask); });
  };
  EXPECT_EQ(refused(at::ones({2, 10}, at::kLong)),
            "CLIP: expected ids of [B, T] int64 with 1 to 9 tokens, found [2, 10] Long");
  EXPECT_THAT(refused(at::ones({2, 0}, at::kLong)), HasSubstr("found [2, 0]"));
  EXPECT_THAT(refused(at::ones({5}, at::kLong)), HasSubstr("found [5]"));
  EXPECT_THAT(refused(at::ones({2, 3})), HasSubstr("found [2, 3] Float"));
  EXPECT_EQ(refused(at::ones({2, 3}, at::kLong), at::ones({2, 4})),
            "CLIP: expected a mask of [2, 3], found [2, 4]");
}

TEST(Clip, DisagreeingFieldsAreRefused) {
  const auto refused = [](const std::function<void(ClipConfig&)>& spoil) {
    ClipConfig config = tiny_config(2);
    spoil(config);
    return message_of([&] { make_clip(config); });
  };
  EXPECT_EQ(refused([](ClipConfig& config) { config.text.num_attention_heads = 4; }),
            "CLIP text configuration: num_attention_heads (4) must divide hidden_size (18)");
  EXPECT_EQ(refused([](ClipConfig& config) { config.vision.num_attention_heads = 3; }),
            "ViT configuration: num_attention_heads (3) must divide hidden_size (20)");
  EXPECT_THAT(refused([](ClipConfig& config) { config.projection_dim = 0; }),
              HasSubstr("CLIP configuration: projection_dim: expected"));
  EXPECT_THAT(refused([](ClipConfig& config) { config.text.vocab_size = 0; }),
              HasSubstr("vocab_size: expected"));
  EXPECT_THAT(refused([](ClipConfig& config) { config.text.max_position_embeddings = -1; }),
              HasSubstr("max_position_embeddings: expected"));
}

TEST(ClipTextConfig, FieldsHaveTheNamesOfConfigJson) {
  std::vector<std::string> names;
  ClipTextConfig config;
  visit(config, [&](const char* name, const auto&, const char*) { names.push_back(name); });
  EXPECT_THAT(names,
              ElementsAre("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
                          "num_attention_heads", "max_position_embeddings", "hidden_act",
                          "layer_norm_eps", "bos_token_id", "eos_token_id", "pad_token_id"));
}

}  // namespace
}  // namespace blip2
