// Qwen2 against transformers (tools/make_qwen2_goldens.py), through its family record, and the laws
// that its biases could break: packed = padded, cached = uncached.
#include "blip2/models/language/qwen2.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/language/causal_language_model.h"
#include "blip2/models/language/families.h"
#include "tests/models/support.h"

namespace blip2 {
namespace {

using Json = nlohmann::json;
using testing::relative_difference;

std::string config_of(const std::string& name) {
  return read_file(testing::golden("qwen2/tiny_" + name + ".json"));
}

/// A tiny model and what transformers computed with it.
struct Tiny {
  explicit Tiny(const std::string& name)
      : file(testing::golden("qwen2/tiny_" + name + ".safetensors")),
        shape(parse_language_model(config_of(name), name)) {
    const LanguageModelWeights weights = shape.make();
    std::vector<Slot> slots;
    for (const NamedTensor& named : weights.tensors) slots.push_back({named.name, named.tensor});
    LoadOptions options;
    options.ignore_unused = {"golden.*"};
    load(file, slots, options);
    owned = weights.finish();
    model = dynamic_cast<const CausalLanguageModel*>(owned.get());
  }
  at::Tensor golden(const std::string& name) const { return file.read("golden." + name).clone(); }

  SafetensorsFile file;
  LanguageModelShape shape;
  std::unique_ptr<LanguageModel> owned;
  const CausalLanguageModel* model;
};

class TinyQwen2 : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Heads, TinyQwen2, ::testing::Values("tied", "untied"),
                         [](const auto& info) { return info.param; });

TEST_P(TinyQwen2, LogitsAndGradientsEqualTransformers) {
  const Tiny tiny(GetParam());
  at::Tensor embeds = tiny.golden("inputs_embeds");  // [R, Dl]
  embeds.requires_grad_();
  const at::Tensor hidden = tiny.model->hidden(embeds, pack(tiny.golden("mask")));
  const at::Tensor logits = tiny.model->logits(hidden);
  EXPECT_LT(relative_difference(logits, tiny.golden("logits")), 1e-5);
  (logits * tiny.golden("coefficients")).sum().backward();
  EXPECT_LT(relative_difference(embeds.grad(), tiny.golden("gradient")), 1e-5);
}

TEST_P(TinyQwen2, PackedEqualsRowByRow) {
  const Tiny tiny(GetParam());
  const at::NoGradGuard no_grad;
  const at::Tensor embeds = tiny.golden("inputs_embeds");
  const at::Tensor packed = tiny.model->hidden(embeds, pack(tiny.golden("mask")));
  const at::Tensor lengths = tiny.golden("mask").sum(1).to(at::kLong);
  int64_t begin = 0;
  for (int64_t row = 0; row < lengths.size(0); ++row) {
    const int64_t length = lengths.select(0, row).item<int64_t>();
    const at::Tensor alone = tiny.model->hidden(embeds.narrow(0, begin, length),
                                                pack(at::ones({1, length}, at::kFloat)));
    EXPECT_LT(relative_difference(alone, packed.narrow(0, begin, length)), 1e-5);
    begin += length;
  }
}

TEST_P(TinyQwen2, CachedEqualsUncached) {
  const Tiny tiny(GetParam());
  const at::NoGradGuard no_grad;
  // Longer than one block of the cache.
  const at::Tensor ids = at::arange(2 * 40, at::kLong).mul(7).remainder(37).view({2, 40});
  const at::Tensor rows = tiny.model->embed(ids).flatten(0, 1);
  const at::Tensor expected =
      tiny.model->logits(tiny.model->hidden(rows, pack(at::ones({2, 40}, at::kFloat))))
          .view({2, 40, -1});
  const auto decoder = tiny.model->decode(tiny.model->embed(ids.narrow(1, 0, 5)), {});
  EXPECT_LT(relative_difference(decoder->start(), expected.select(1, 4)), 1e-5);
  for (int64_t t = 5; t < 40; ++t) {
    ASSERT_LT(relative_difference(decoder->step(ids.select(1, t)), expected.select(1, t)), 1e-5)
        << t;
  }
}

TEST_P(TinyQwen2, GreedyTextEqualsTransformers) {
  const Tiny tiny(GetParam());
  const auto decoder = tiny.model->decode(tiny.model->embed(tiny.golden("prompt")), {});
  at::Tensor token = decoder->start().argmax(-1);
  const at::Tensor expected = tiny.golden("greedy");
  for (int64_t t = 0; t < expected.size(0); ++t) {
    EXPECT_EQ(token.item<int64_t>(), expected.select(0, t).item<int64_t>());
    token = decoder->step(token).argmax(-1);
  }
}

TEST(Qwen2, ShapeNamesTheFamilyAndItsSizes) {
  const LanguageModelShape shape = parse_language_model(config_of("untied"), "untied");
  EXPECT_EQ(shape.family, "qwen2");
  EXPECT_EQ(shape.width, 24);
  EXPECT_EQ(shape.vocab_size, 37);
  EXPECT_EQ(shape.max_positions, 64);
  EXPECT_EQ(shape.caption_end, CaptionEnd::kEndToken);
}

TEST(Qwen2, QueriesKeysAndValuesAloneHaveBiases) {
  Json config = Json::parse(config_of("untied"));
  config["attention_bias"] = config["mlp_bias"] = true;  // transformers ignores both
  std::vector<std::string> biases;
  for (const NamedTensor& named : parse_language_model(config.dump(), "config").make().tensors) {
    if (named.name.starts_with("model.layers.0.") && named.name.ends_with(".bias")) {
      biases.push_back(named.name.substr(std::string("model.layers.0.").size()));
    }
  }
  EXPECT_THAT(biases, ::testing::ElementsAre("self_attn.q_proj.bias", "self_attn.k_proj.bias",
                                             "self_attn.v_proj.bias"));
}

TEST(Qwen2, ASlidingWindowIsRefusedByName) {
  const auto refusal = [](const char* key, const Json& value) -> std::string {
    Json config = Json::parse(config_of("tied"));
    config[key] = value;
    try {
      parse_language_model(config.dump(), "config.json");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal("sliding_window", 4096), "");  // a size that nothing uses, as published
  EXPECT_THAT(refusal("use_sliding_window", true),
              ::testing::HasSubstr("config.json: use_sliding_window: only false is supported"));
  EXPECT_THAT(
      refusal("layer_types", {"full_attention", "sliding_attention", "full_attention"}),
      ::testing::HasSubstr("config.json: layer_types: only full_attention is supported, found"));
}

}  // namespace
}  // namespace blip2
