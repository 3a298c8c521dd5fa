// LLaMA against transformers (tools/make_llama_goldens.py), tiny and real, and its own laws: packed
// = padded, cached = uncached, a left-padded batch = single rows.
#include "blip2/models/language/llama.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/names/gguf.h"
#include "tests/support/assets.h"
#include "tests/support/tests_directory.h"

namespace blip2 {
namespace {

std::filesystem::path golden_path(const std::string& name) {
  return testing::tests_directory() / "golden/llama" / name;
}

/// The configuration of golden "tiny_`name`.safetensors".
LlamaConfig tiny_config(const std::string& name) {
  LlamaConfig config;
  config.hidden_size = 20;
  config.intermediate_size = 28;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 6;
  config.num_key_value_heads = 2;
  config.head_dim = 8;
  config.rope_theta = 5000.0;
  config.rms_norm_eps = 3e-4;
  config.vocab_size = 37;
  config.max_position_embeddings = 64;
  config.tie_word_embeddings = name == "tied";
  if (name == "llama3") {
    config.attention_bias = config.mlp_bias = true;
    config.rope_scaling = {RopeScaling::Kind::kLlama3, 8.0, 1.0, 4.0, 96};
  } else if (name == "vicuna") {
    config.hidden_size = 24;
    config.num_attention_heads = config.num_key_value_heads = 3;
    config.rope_scaling = {.kind = RopeScaling::Kind::kLinear, .factor = 2.5};
  }
  return config;
}

/// A tiny model and what transformers computed with it.
struct Tiny {
  explicit Tiny(const std::string& name)
      : file(golden_path("tiny_" + name + ".safetensors")), model(make_llama(tiny_config(name))) {
    std::vector<Slot> slots;
    visit(model, Visitor([&](const std::string& name, at::Tensor& tensor) {
            slots.push_back({name, &tensor});
          }));
    LoadOptions options;
    options.ignore_unused = {"golden.*"};
    load(file, slots, options);
  }
  at::Tensor golden(const std::string& name) const { return file.read("golden." + name).clone(); }

  SafetensorsFile file;
  Llama model;
};

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

/// Largest difference, as a part of the largest expected value.
double difference(const at::Tensor& found, const at::Tensor& expected) {
  EXPECT_EQ(found.sizes(), expected.sizes());
  return largest(found - expected) / largest(expected);
}

class TinyLlama : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Kinds, TinyLlama, ::testing::Values("tied", "untied", "llama3", "vicuna"),
                         [](const auto& info) { return info.param; });

TEST_P(TinyLlama, LogitsAndGradientsEqualTransformers) {
  const Tiny tiny(GetParam());
  at::Tensor embeds = tiny.golden("inputs_embeds");  // [R, Dl]
  embeds.requires_grad_();
  const at::Tensor hidden = llama_hidden(tiny.model, embeds, pack(tiny.golden("mask")));
  const at::Tensor logits = llama_logits(tiny.model, hidden);
  EXPECT_LT(difference(logits.detach(), tiny.golden("logits")), 1e-4);
  (logits * tiny.golden("coefficients")).sum().backward();
  EXPECT_LT(difference(embeds.grad(), tiny.golden("gradient")), 1e-4);
}

TEST_P(TinyLlama, PackedEqualsRowByRow) {
  const Tiny tiny(GetParam());
  const at::NoGradGuard no_grad;
  const at::Tensor embeds = tiny.golden("inputs_embeds");
  const at::Tensor packed = llama_hidden(tiny.model, embeds, pack(tiny.golden("mask")));
  const at::Tensor lengths = tiny.golden("mask").sum(1).to(at::kLong);
  int64_t begin = 0;
  for (int64_t row = 0; row < lengths.size(0); ++row) {
    const int64_t length = lengths.select(0, row).item<int64_t>();
    const at::Tensor alone = llama_hidden(tiny.model, embeds.narrow(0, begin, length),
                                          pack(at::ones({1, length}, at::kFloat)));
    EXPECT_LT(difference(alone, packed.narrow(0, begin, length)), 1e-5);
    begin += length;
  }
}

/// Logits after every prefix of ids [N, T], without a cache: [N, T, V].
at::Tensor uncached_logits(const Llama& model, const at::Tensor& ids) {
  const at::NoGradGuard no_grad;
  const at::Tensor rows = embed(model, ids).flatten(0, 1);
  const at::Tensor hidden = llama_hidden(model, rows, pack(at::ones(ids.sizes(), at::kFloat)));
  return llama_logits(model, hidden).view({ids.size(0), ids.size(1), -1});
}

TEST_P(TinyLlama, CachedEqualsUncached) {
  const Tiny tiny(GetParam());
  const at::NoGradGuard no_grad;
  // Longer than one block of the cache.
  const at::Tensor ids = at::arange(2 * 40, at::kLong).mul(7).remainder(37).view({2, 40});
  const at::Tensor expected = uncached_logits(tiny.model, ids);
  LlamaDecoder decoder(tiny.model, embed(tiny.model, ids.narrow(1, 0, 5)), {});
  EXPECT_LT(difference(decoder.start(), expected.select(1, 4)), 1e-5);
  for (int64_t t = 5; t < 40; ++t) {
    ASSERT_LT(difference(decoder.step(ids.select(1, t)), expected.select(1, t)), 1e-5) << t;
  }
}

TEST_P(TinyLlama, GreedyTextEqualsTransformers) {
  const Tiny tiny(GetParam());
  const at::Tensor prompt = tiny.golden("ids").narrow(0, 0, 1).narrow(1, 0, 4);
  LlamaDecoder decoder(tiny.model, embed(tiny.model, prompt), at::ones({1, 4}));
  at::Tensor token = decoder.start().argmax(-1);
  const at::Tensor expected = tiny.golden("greedy");
  for (int64_t t = 0; t < expected.size(0); ++t) {
    EXPECT_EQ(token.item<int64_t>(), expected.select(0, t).item<int64_t>());
    token = decoder.step(token).argmax(-1);
  }
}

TEST_P(TinyLlama, LeftPaddedBatchEqualsSingles) {
  const Tiny tiny(GetParam());
  const at::NoGradGuard no_grad;
  const at::Tensor ids = tiny.golden("ids").narrow(1, 0, 6);  // [4, 6]
  const std::vector<int64_t> lengths = {6, 2, 1, 4};
  // Padding so large would show wherever it leaked to.
  at::Tensor embeds = at::full({4, 6, tiny.model.config.hidden_size}, 1e3, at::kFloat);
  at::Tensor mask = at::zeros({4, 6}, at::kFloat);
  for (int64_t row = 0; row < 4; ++row) {
    const int64_t length = lengths[static_cast<size_t>(row)];
    embeds.select(0, row)
        .narrow(0, 6 - length, length)
        .copy_(embed(tiny.model, ids.select(0, row).narrow(0, 0, length)));
    mask.select(0, row).narrow(0, 6 - length, length).fill_(1.0);
  }
  const at::Tensor next = at::tensor({3, 30, 11, 8}, at::kLong);
  LlamaDecoder together(tiny.model, embeds, mask);
  const at::Tensor first = together.start();
  const at::Tensor second = together.step(next);
  for (int64_t row = 0; row < 4; ++row) {
    const int64_t length = lengths[static_cast<size_t>(row)];
    LlamaDecoder single(tiny.model, embed(tiny.model, ids.narrow(0, row, 1).narrow(1, 0, length)),
                        {});
    EXPECT_LT(difference(first.narrow(0, row, 1), single.start()), 1e-5);
    EXPECT_LT(difference(second.narrow(0, row, 1), single.step(next.narrow(0, row, 1))), 1e-5);
  }
}

TEST_P(TinyLlama, SelectedRowsGoOnAsTheyWere) {
  const Tiny tiny(GetParam());
  const at::NoGradGuard no_grad;
  const at::Tensor ids = tiny.golden("ids").narrow(0, 0, 3).narrow(1, 0, 6);
  at::Tensor mask = at::ones({3, 4}, at::kFloat);
  mask.select(0, 1).narrow(0, 0, 2).fill_(0.0);
  LlamaDecoder kept(tiny.model, embed(tiny.model, ids.narrow(1, 0, 4)), mask);
  LlamaDecoder moved(tiny.model, embed(tiny.model, ids.narrow(1, 0, 4)), mask);
  kept.start();
  moved.start();
  const at::Tensor rows = at::tensor({1, 1, 0, 2}, at::kLong);
  moved.select(rows);
  for (int64_t t = 4; t < 6; ++t) {
    const at::Tensor expected = kept.step(ids.select(1, t)).index_select(0, rows);
    EXPECT_LT(difference(moved.step(ids.select(1, t).index_select(0, rows)), expected), 1e-5);
  }
}

TEST(LlamaConfig, DisagreeingFieldsAreRefused) {
  LlamaConfig config = tiny_config("tied");
  config.num_key_value_heads = 4;
  EXPECT_THROW(make_llama(config), Error);
  config = tiny_config("tied");
  config.head_dim = 7;
  EXPECT_THROW(make_llama(config), Error);
  config = tiny_config("tied");
  config.hidden_size = int64_t{1} << 40;
  EXPECT_THROW(make_llama(config), Error);
  config = tiny_config("llama3");
  config.rope_scaling.high_freq_factor = config.rope_scaling.low_freq_factor;
  EXPECT_THROW(make_llama(config), Error);
  config = tiny_config("vicuna");
  config.rope_scaling.factor = 0;
  EXPECT_THROW(make_llama(config), Error);
}

TEST(SmolLm2, EqualsTransformers) {
  const std::filesystem::path path = testing::asset("models/smollm2_135m_instruct/smollm2.gguf");
  const at::NoGradGuard no_grad;
  const Llama model = load_llama(GgufFile(path));
  EXPECT_EQ(model.config.num_hidden_layers, 30);
  EXPECT_TRUE(model.config.tie_word_embeddings);
  EXPECT_EQ(model.config.eos_token_id, 2);

  const SafetensorsFile golden(golden_path("smollm2.safetensors"));
  for (const std::string name : {"fox", "capital"}) {
    const at::Tensor ids = golden.read(name + ".ids").unsqueeze(0);
    const at::Tensor logits = uncached_logits(model, ids).select(0, 0);  // [T, V]
    const at::Tensor found =
        logits.index_select(0, golden.read("rows")).index_select(1, golden.read("columns"));
    const at::Tensor expected = golden.read(name + ".logits");
    for (int64_t row = 0; row < expected.size(0); ++row) {
      EXPECT_LT(difference(found[row], expected[row]), 1e-4) << name << " " << row;
    }
    const int64_t num_targets = ids.size(1) - 1;
    const at::Tensor losses =
        -at::log_softmax(logits.narrow(0, 0, num_targets), -1)
             .gather(1, ids.select(0, 0).narrow(0, 1, num_targets).unsqueeze(1));
    EXPECT_NEAR(losses.mean().item<double>(), golden.read(name + ".nll").item<double>(), 1e-4);
  }

  const at::Tensor prompt = golden.read("capital.ids").unsqueeze(0);
  LlamaDecoder decoder(model, embed(model, prompt), {});
  at::Tensor token = decoder.start().argmax(-1);
  const at::Tensor greedy = golden.read("capital.greedy");
  EXPECT_GE(greedy.numel(), 6);
  for (int64_t i = 0; i < greedy.numel(); ++i) {
    EXPECT_EQ(token.item<int64_t>(), greedy[i].item<int64_t>());
    token = decoder.step(token).argmax(-1);
  }
}

}  // namespace
}  // namespace blip2
