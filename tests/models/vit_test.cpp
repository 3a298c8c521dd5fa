// The vision transformers against transformers (tools/make_vit_goldens.py), and their laws.
#include "blip2/models/vision/vit.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <array>
#include <functional>
#include <future>

#include "blip2/base/error.h"
#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/open_source.h"
#include "tests/models/support.h"

namespace blip2 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::relative_difference;

/// Between float32 and the reference's float64.
constexpr double kNear = 1e-5;

VitConfig tiny_config(const std::string& kind) {
  VitConfig config;
  if (kind == "blip") config = blip_vit_config();
  if (kind == "clip") config = clip_vit_config();
  config.has_post_layernorm = true;  // these files have one
  const auto shape = [&](const std::array<int64_t, 6>& sizes, double eps) {
    config.hidden_size = sizes[0];
    config.intermediate_size = sizes[1];
    config.num_hidden_layers = sizes[2];
    config.num_attention_heads = sizes[3];
    config.image_size = sizes[4];
    config.patch_size = sizes[5];
    config.layer_norm_eps = eps;
  };
  if (kind == "blip2") shape({24, 40, 2, 4, 21, 7}, 3e-4);
  if (kind == "blip2_no_bias") shape({18, 28, 2, 3, 14, 7}, 5e-4);
  if (kind == "blip") shape({20, 36, 3, 2, 20, 4}, 2e-3);
  if (kind == "clip") shape({24, 44, 3, 3, 24, 6}, 7e-3);
  config.qkv_bias = kind != "blip2_no_bias";
  return config;
}

/// A tiny model and what transformers computed with it.
struct Tiny {
  explicit Tiny(const std::string& kind, VitConfig config,
                std::vector<std::string> ignored = {"golden.**"})
      : source(open_source(testing::golden("vit/" + kind + ".safetensors"))),
        model(make_vit(config)) {
    std::vector<Slot> slots;
    for (const NamedTensor& named : named_tensors(model)) {
      slots.push_back({named.name, named.tensor});
    }
    LoadOptions options;
    options.ignore_unused = std::move(ignored);
    load(*source, slots, options);
  }
  explicit Tiny(const std::string& kind) : Tiny(kind, tiny_config(kind)) {}

  at::Tensor golden(const std::string& name) const { return source->read("golden." + name); }

  std::unique_ptr<TensorSource> source;
  Vit model;
};

class TinyVit : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Kinds, TinyVit,
                         ::testing::Values("blip2", "blip2_no_bias", "blip", "clip"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(TinyVit, RawOutputEqualsTransformers) {
  const Tiny tiny(GetParam());
  const at::Tensor raw = encode(tiny.model, tiny.golden("pixels"));
  const std::string last = "layer." + std::to_string(tiny.model.config.num_hidden_layers - 1);
  EXPECT_LT(relative_difference(raw, tiny.golden(last)), kNear);
}

TEST_P(TinyVit, PostLayerNormEqualsTransformers) {
  const Tiny tiny(GetParam());
  const at::Tensor raw = encode(tiny.model, tiny.golden("pixels"));
  if (tiny.model.config.layout == VitLayout::kClip) {
    EXPECT_LT(relative_difference(normed_class(tiny.model, raw), tiny.golden("pooled")), kNear);
  } else {
    EXPECT_LT(relative_difference(normed_tokens(tiny.model, raw), tiny.golden("normed")), kNear);
  }
}

TEST_P(TinyVit, FewerLayersThanTheFileHasGiveAnEarlierOutput) {
  VitConfig config = tiny_config(GetParam());
  const std::string dropped = std::to_string(--config.num_hidden_layers);
  config.has_post_layernorm = false;
  const Tiny tiny(GetParam(), config,
                  {"golden.**", "encoder.layers." + dropped + ".**", "post_layernorm.*"});
  const std::string last = "layer." + std::to_string(config.num_hidden_layers - 1);
  EXPECT_LT(relative_difference(encode(tiny.model, tiny.golden("pixels")), tiny.golden(last)),
            kNear);
}

/// Larger and smaller squares, oblong pictures (some with as many patches as the square), and sides
/// that are no multiple of the patch.
std::vector<std::string> other_sizes(const std::string& kind) {
  if (kind == "blip2") return {"35x35", "21x56", "63x7", "14x14", "34x24"};
  if (kind == "blip2_no_bias") return {"21x28"};
  if (kind == "blip") return {"32x24", "100x4"};
  return {"42x30", "12x48", "29x41"};
}

TEST_P(TinyVit, OtherSizesEqualTransformers) {
  const Tiny tiny(GetParam());
  for (const std::string& size : other_sizes(GetParam())) {
    const at::Tensor raw = encode(tiny.model, tiny.golden(size + ".pixels"));
    EXPECT_LT(relative_difference(raw, tiny.golden(size)), kNear) << size;
  }
}

TEST_P(TinyVit, BatchEqualsSingles) {
  const Tiny tiny(GetParam());
  const at::Tensor pixels = tiny.golden("pixels");  // three pictures
  std::vector<at::Tensor> alone;
  for (int64_t i = 0; i < 3; ++i) alone.push_back(encode(tiny.model, pixels.narrow(0, i, 1)));
  const at::Tensor expected = at::cat(alone);
  // More rows than run through a layer together, and a last chunk that is a short one.
  const int64_t copies = 1 + 5000 / (3 * expected.size(1));
  const at::Tensor together = encode(tiny.model, pixels.repeat({copies, 1, 1, 1}));
  EXPECT_LT(relative_difference(together, expected.repeat({copies, 1, 1})), kNear);
}

TEST_P(TinyVit, NarrowWeightsEqualTheirRoundedValues) {
  for (const at::ScalarType dtype : {at::kBFloat16, at::kHalf}) {
    Tiny narrow(GetParam()), rounded(GetParam());
    const at::Tensor pixels = narrow.golden("pixels");
    const at::Tensor exact = encode(rounded.model, pixels);
    for (const NamedTensor& named : named_tensors(narrow.model)) {
      *named.tensor = named.tensor->to(dtype);
    }
    for (const NamedTensor& named : named_tensors(rounded.model)) {
      *named.tensor = named.tensor->to(dtype).to(at::kFloat);
    }
    const at::Tensor found = encode(narrow.model, pixels);
    const at::Tensor expected = encode(rounded.model, pixels);
    EXPECT_EQ(found.scalar_type(), at::kFloat);
    EXPECT_TRUE(found.equal(expected));
    EXPECT_FALSE(expected.equal(exact));  // the rounding shows
    EXPECT_TRUE(normed_class(narrow.model, found).equal(normed_class(rounded.model, expected)));
  }
}

TEST_P(TinyVit, SeveralThreadsMayEncode) {
  const Tiny tiny(GetParam());
  const VitEncoder encoder(tiny.model);
  const at::Tensor pixels = tiny.golden("pixels");
  const at::Tensor expected = encode(tiny.model, pixels);
  EXPECT_EQ(encoder.width(), tiny.model.config.hidden_size);
  std::vector<std::future<bool>> equal;
  for (int i = 0; i < 4; ++i) {
    equal.push_back(std::async(std::launch::async, [&] {
      return relative_difference(encoder.encode(pixels), expected) < kNear;
    }));
  }
  for (std::future<bool>& one : equal) EXPECT_TRUE(one.get());
}

TEST(Vit, HasNoGraph) {
  Tiny tiny("blip2");
  set_trainable(named_tensors(tiny.model), true);
  EXPECT_FALSE(encode(tiny.model, tiny.golden("pixels")).requires_grad());
}

/// With tensors of their own, to be trained.
void make_trainable(Vit& model) {
  for (const NamedTensor& named : named_tensors(model)) *named.tensor = named.tensor->clone();
  set_trainable(named_tensors(model), true);
}

TEST_P(TinyVit, WithAGraphTheOutputIsTheSame) {
  Tiny tiny(GetParam());
  make_trainable(tiny.model);
  const std::string other = other_sizes(GetParam()).front() + ".pixels";
  for (const at::Tensor& pixels : {tiny.golden("pixels"), tiny.golden(other)}) {
    const at::Tensor with_graph = encode_with_graph(tiny.model, pixels, Activations::kKept);
    EXPECT_TRUE(with_graph.requires_grad());
    EXPECT_LT(relative_difference(with_graph, encode(tiny.model, pixels)), 1e-6);
  }
}

TEST(Vit, GradientsEqualTransformers) {
  for (const std::string kind : {"blip2", "clip"}) {
    Tiny tiny(kind);
    make_trainable(tiny.model);
    const auto golden = open_source(testing::golden("vit/" + kind + "_gradients.safetensors"));
    const at::Tensor output =
        encode_with_graph(tiny.model, tiny.golden("pixels"), Activations::kKept);
    (output * golden->read("golden.weights")).sum().backward();
    int compared = 0;
    for (const NamedTensor& named : named_tensors(tiny.model)) {
      if (named.name.starts_with("post_layernorm")) continue;
      at::Tensor found = named.tensor->grad(), expected = golden->read(named.name);
      ASSERT_TRUE(found.defined()) << named.name;
      if (named.name.ends_with("k_proj.bias")) continue;  // zero but for rounding
      if (named.name.ends_with("qkv.bias")) {
        EXPECT_TRUE(found.narrow(0, 24, 24).equal(at::zeros({24})));
        EXPECT_LT(expected.narrow(0, 24, 24).abs().max().item<double>(), 1e-10);
      }
      EXPECT_LT(relative_difference(found, expected), kNear) << kind << ": " << named.name;
      ++compared;
    }
    EXPECT_GT(compared, 20) << kind;
  }
}

TEST(Vit, RecomputedActivationsGiveTheSameGradients) {
  for (const std::string kind : {"blip2", "clip"}) {
    std::vector<std::vector<at::Tensor>> gradients;
    for (const Activations activations : {Activations::kKept, Activations::kRecomputed}) {
      Tiny tiny(kind);
      make_trainable(tiny.model);
      encode_with_graph(tiny.model, tiny.golden("pixels"), activations).square().sum().backward();
      std::vector<at::Tensor>& found = gradients.emplace_back();
      for (const NamedTensor& named : named_tensors(tiny.model)) {
        if (!named.name.starts_with("post_layernorm")) found.push_back(named.tensor->grad());
      }
    }
    ASSERT_GT(gradients[0].size(), 20u);
    for (size_t i = 0; i < gradients[0].size(); ++i) {
      EXPECT_GT(gradients[1][i].abs().sum().item<double>(), 0) << kind << " " << i;
      EXPECT_TRUE(gradients[0][i].equal(gradients[1][i])) << kind << " " << i;
    }
  }
}

TEST(Vit, ResizedForLargerPicturesAsLavisDoes) {
  for (const std::string kind : {"blip2", "clip"}) {
    Tiny tiny(kind);
    const auto golden = open_source(testing::golden("vit/" + kind + "_gradients.safetensors"));
    const int64_t size = 2 * tiny.model.config.image_size;
    resize_pictures(tiny.model, size);
    EXPECT_EQ(tiny.model.config.image_size, size);
    EXPECT_LT(relative_difference(tiny.model.position_embedding.view({-1, 24}),
                                  golden->read("golden.positions")),
              1e-5)
        << kind;
    EXPECT_EQ(tiny.model.position_embedding.dim(), kind == "blip2" ? 3 : 2);
    EXPECT_EQ(encode(tiny.model, at::zeros({1, 3, size, size})).size(1),
              tiny.model.position_embedding.view({-1, 24}).size(0));
  }
}

TEST(Vit, TokensGoRowByRow) {
  const Tiny tiny("blip2");  // patches of 7 pixels
  at::Tensor pixels = at::zeros({1, 3, 14, 21});
  const at::Tensor before = encode(tiny.model, pixels);
  ASSERT_THAT(before.sizes().vec(), ElementsAre(1, 1 + 2 * 3, 24));
  // Without attention a patch would change its own token alone; with it, that one most.
  pixels.narrow(2, 7, 7).narrow(3, 14, 7).fill_(1.0);
  const at::Tensor change = (encode(tiny.model, pixels) - before).abs().sum(-1)[0];
  EXPECT_EQ(change.argmax().item<int64_t>(), 1 + 1 * 3 + 2);
}

TEST(Vit, PositionsOfTheOwnGridStayAsTheyAre) {
  const Tiny tiny("blip2");
  const at::Tensor table = tiny.model.position_embedding.view({-1, 24});  // 3 x 3
  EXPECT_TRUE(resize_positions(table, 3, 3).equal(table));
  EXPECT_TRUE(resize_positions(table, 5, 2)[0].equal(table[0]));
  EXPECT_THAT(resize_positions(table, 5, 2).sizes().vec(), ElementsAre(11, 24));
}

TEST(Vit, PixelsBehindTheLastWholePatchAreLeftOut) {
  const Tiny tiny("blip2");
  const at::Tensor pixels = tiny.golden("35x35.pixels");
  const at::Tensor cut = encode(tiny.model, pixels.narrow(2, 0, 34).narrow(3, 0, 29));
  EXPECT_LT(relative_difference(cut, encode(tiny.model, pixels.narrow(2, 0, 28).narrow(3, 0, 28))),
            1e-6);
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

TEST(Vit, RefusesWrongPixels) {
  const Tiny tiny("blip2");
  const auto refused = [&](const at::Tensor& pixels) {
    return message_of([&] { encode(tiny.model, pixels); });
  };
  EXPECT_THAT(refused(at::zeros({1, 1, 21, 21})), HasSubstr("found [1, 1, 21, 21] Float"));
  EXPECT_THAT(refused(at::zeros({3, 21, 21})), HasSubstr("expected pixels of [B, 3, H, W]"));
  EXPECT_THAT(refused(at::zeros({0, 3, 21, 21})), HasSubstr("found [0, 3, 21, 21]"));
  EXPECT_THAT(refused(at::zeros({1, 3, 21, 6})), HasSubstr("at least the patch's 7"));
  EXPECT_THAT(refused(at::zeros({1, 3, 21, 21}, at::kDouble)), HasSubstr("Double"));
}

TEST(Vit, DisagreeingFieldsAreRefused) {
  const auto refused = [](const std::function<void(VitConfig&)>& spoil) {
    VitConfig config = tiny_config("clip");
    spoil(config);
    return message_of([&] { make_vit(config); });
  };
  EXPECT_EQ(refused([](VitConfig& config) { config.num_attention_heads = 5; }),
            "ViT configuration: num_attention_heads (5) must divide hidden_size (24)");
  EXPECT_EQ(refused([](VitConfig& config) { config.patch_size = 25; }),
            "ViT configuration: patch_size: expected an integer from 1 to 24, found 25");
  EXPECT_EQ(
      refused([](VitConfig& config) { config.hidden_act = "gelu_fast"; }),
      "ViT configuration: hidden_act: expected gelu, gelu_new, quick_gelu, relu or silu, found "
      "\"gelu_fast\"");
  EXPECT_EQ(refused([](VitConfig& config) { config.layer_norm_eps = 0; }),
            "ViT configuration: layer_norm_eps: expected a number above 0, found 0");
  EXPECT_EQ(refused([](VitConfig& config) { config.qkv_bias = false; }),
            "ViT configuration: CLIP's attention has biases, found qkv_bias false");
  EXPECT_THAT(refused([](VitConfig& config) { config.num_hidden_layers = 0; }),
              HasSubstr("num_hidden_layers: expected an integer from 1 to 4096, found 0"));
  EXPECT_THAT(refused([](VitConfig& config) { config.hidden_size = int64_t{1} << 40; }),
              HasSubstr("hidden_size: expected"));
  EXPECT_THAT(refused([](VitConfig& config) { config.image_size = 1 << 20; }),
              HasSubstr("image_size: expected"));
}

/// The numbers of layers, heads and patches are the configuration's; the tensors' names and shapes
/// follow from it.
TEST(Vit, HasTheTensorsOfThePublishedFiles) {
  const auto count = [](VitConfig config) {
    config.num_hidden_layers = 1;
    Vit model = make_vit(config);
    return count_parameters(named_tensors(model));
  };
  VitConfig config;  // 985,952,256 with 39 layers of 25,250,176 and the post layer norm
  EXPECT_EQ(count(config), 985952256 - 38 * int64_t{25250176} - 2 * 1408);
  config.image_size = 364;
  EXPECT_EQ(count(config), 985952256 - 38 * int64_t{25250176} - 2 * 1408 + (677 - 257) * 1408);
}

TEST(VitConfig, FieldsHaveTheNamesOfConfigJson) {
  std::vector<std::string> names;
  VitConfig config;
  visit(config, [&](const char* name, const auto&, const char*) { names.push_back(name); });
  EXPECT_THAT(names, ElementsAre("hidden_size", "intermediate_size", "num_hidden_layers",
                                 "num_attention_heads", "image_size", "patch_size", "hidden_act",
                                 "layer_norm_eps", "qkv_bias"));
}

}  // namespace
}  // namespace blip2
