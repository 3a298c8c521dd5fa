// OPT against transformers (tools/make_opt_goldens.py), and its own laws: packed = padded, cached =
// uncached, a left-padded batch = single rows, selected rows go on as they were.
#include "blip2/models/language/opt.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/language/opt_language_model.h"
#include "tests/models/support.h"

namespace blip2 {
namespace {

using ::testing::HasSubstr;
using testing::relative_difference;

constexpr int64_t kVocabulary = 37, kMaxPositions = 24;

OptConfig tiny_config(const std::string& name) {
  OptConfig config;
  config.hidden_size = 20;
  config.ffn_dim = 28;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 4;
  config.vocab_size = kVocabulary;
  config.max_position_embeddings = kMaxPositions;
  config.word_embed_proj_dim = name == "prenorm" ? 20 : 14;
  config.do_layer_norm_before = name != "postnorm";
  if (name == "untied") {
    config.tie_word_embeddings = false;
    config.remove_final_layer_norm = true;
    config.activation_function = "gelu";
  }
  return config;
}

/// A tiny model and what transformers computed with it.
struct Tiny {
  explicit Tiny(const std::string& name)
      : file(testing::golden("opt/" + name + ".safetensors")), model(make_opt(tiny_config(name))) {
    std::vector<Slot> slots;
    for (const NamedTensor& named : named_tensors(model)) {
      slots.push_back({named.name, named.tensor});
    }
    load(file, slots, {.ignore_unused = {"golden.*"}});
  }
  at::Tensor golden(const std::string& name) const { return file.read("golden." + name).clone(); }

  SafetensorsFile file;
  Opt model;
};

/// Ids that differ from row to row and from place to place.
at::Tensor some_ids(int64_t rows, int64_t length) {
  return at::arange(rows * length, at::kLong).mul(7).remainder(kVocabulary).view({rows, length});
}

/// Logits after every prefix of embeds [N, T, Dl], without a cache: [N, T, V].
at::Tensor uncached_logits(const Opt& model, const at::Tensor& embeds) {
  const at::Tensor ones = at::ones({embeds.size(0), embeds.size(1)}, at::kFloat);
  const at::Tensor hidden = opt_hidden(model, embeds.flatten(0, 1), pack(ones));
  return opt_logits(model, hidden).view({embeds.size(0), embeds.size(1), -1});
}

class TinyOpt : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Kinds, TinyOpt, ::testing::Values("prenorm", "postnorm", "untied"),
                         [](const auto& info) { return info.param; });

TEST_P(TinyOpt, LogitsAndGradientsEqualTransformers) {
  const Tiny tiny(GetParam());
  at::Tensor embeds = tiny.golden("inputs_embeds");  // [R, Dl]
  embeds.requires_grad_();
  const at::Tensor hidden = opt_hidden(tiny.model, embeds, pack(tiny.golden("mask")));
  const at::Tensor logits = opt_logits(tiny.model, hidden);
  EXPECT_LT(relative_difference(logits, tiny.golden("logits")), 1e-5);
  (logits * tiny.golden("coefficients")).sum().backward();
  EXPECT_LT(relative_difference(embeds.grad(), tiny.golden("gradient")), 1e-5);
}

TEST_P(TinyOpt, GreedyTextOfALeftPaddedBatchEqualsTransformers) {
  const Tiny tiny(GetParam());
  OptDecoder decoder(tiny.model, tiny.golden("prompt"), tiny.golden("prompt_mask"));
  at::Tensor token = decoder.start().argmax(-1);
  const at::Tensor expected = tiny.golden("greedy");  // [N, T]
  for (int64_t t = 0; t < expected.size(1); ++t) {
    EXPECT_TRUE(token.equal(expected.select(1, t))) << t;
    token = decoder.step(token).argmax(-1);
  }
}

TEST_P(TinyOpt, CachedEqualsUncached) {
  const Tiny tiny(GetParam());
  const at::NoGradGuard no_grad;
  const at::Tensor ids = some_ids(2, kMaxPositions);
  const at::Tensor expected = uncached_logits(tiny.model, embed(tiny.model, ids));
  OptDecoder decoder(tiny.model, embed(tiny.model, ids.narrow(1, 0, 5)), {});
  EXPECT_LT(relative_difference(decoder.start(), expected.select(1, 4)), 1e-5);
  for (int64_t t = 5; t < kMaxPositions; ++t) {
    ASSERT_LT(relative_difference(decoder.step(ids.select(1, t)), expected.select(1, t)), 1e-5)
        << t;
  }
}

TEST_P(TinyOpt, PaddedBatchEqualsSingles) {
  const Tiny tiny(GetParam());
  const at::NoGradGuard no_grad;
  const int64_t width = tiny.model.config.word_embed_proj_dim;
  const at::Tensor ids = some_ids(4, 6);
  // Rows of 6, 2, 1 and 4 tokens; in the last the padding stands between picture and text.
  const at::Tensor mask =
      at::tensor({1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1},
                 at::kLong)
          .view({4, 6});
  // Padding so large would show wherever it leaked to.
  const at::Tensor embeds = at::where(mask.to(at::kBool).unsqueeze(2), embed(tiny.model, ids),
                                      at::full({4, 6, width}, 1e3, at::kFloat));
  const at::Tensor next = at::tensor({3, 30, 11, 8}, at::kLong);
  OptDecoder together(tiny.model, embeds, mask);
  const at::Tensor first = together.start();
  const at::Tensor second = together.step(next);
  for (int64_t row = 0; row < 4; ++row) {
    const at::Tensor real = mask.select(0, row).nonzero().reshape(-1);
    OptDecoder single(tiny.model, embeds.narrow(0, row, 1).index_select(1, real), {});
    EXPECT_LT(relative_difference(first.narrow(0, row, 1), single.start()), 1e-5) << row;
    EXPECT_LT(relative_difference(second.narrow(0, row, 1), single.step(next.narrow(0, row, 1))),
              1e-5)
        << row;
  }
}

TEST_P(TinyOpt, SelectedRowsGoOnAsTheyWere) {
  const Tiny tiny(GetParam());
  const at::NoGradGuard no_grad;
  const at::Tensor ids = some_ids(3, 6);
  at::Tensor mask = at::ones({3, 4}, at::kFloat);
  mask.select(0, 1).narrow(0, 0, 2).fill_(0.0);
  OptDecoder kept(tiny.model, embed(tiny.model, ids.narrow(1, 0, 4)), mask);
  OptDecoder moved(tiny.model, embed(tiny.model, ids.narrow(1, 0, 4)), mask);
  kept.start();
  moved.start();
  at::Tensor rows = at::arange(3, at::kLong);
  // Repeated and reordered, then some dropped.
  for (const at::Tensor& chosen :
       {at::tensor({1, 1, 0, 2}, at::kLong), at::tensor({3, 0}, at::kLong)}) {
    moved.select(chosen);
    rows = rows.index_select(0, chosen);
    const at::Tensor next = ids.select(1, rows.size(0));
    const at::Tensor expected = kept.step(next).index_select(0, rows);
    EXPECT_LT(relative_difference(moved.step(next.index_select(0, rows)), expected), 1e-5);
  }
}

TEST(OptLanguageModel, GivesWhatItsModelGives) {
  const Tiny tiny("postnorm");
  const at::NoGradGuard no_grad;
  const OptLanguageModel language_model{tiny.model};
  const at::Tensor ids = some_ids(2, 5);
  const at::Tensor embeds = language_model.embed(ids);
  EXPECT_EQ(embeds.size(2), 14);  // before the projection to the layers' width
  const at::Tensor rows =
      language_model.hidden(embeds.flatten(0, 1), pack(at::ones({2, 5}, at::kLong)));
  EXPECT_EQ(rows.size(1), 14);
  const at::Tensor last = language_model.logits(rows).view({2, 5, -1}).select(1, 4);
  EXPECT_LT(relative_difference(language_model.decode(embeds, {})->start(), last), 1e-5);
}

TEST(OptConfig, ParametersOfThePublishedSizes) {
  // OPT-2.7B with the 50304 rows of Salesforce/blip2-opt-2.7b; the tied head counts once.
  OptConfig config;
  config.hidden_size = config.word_embed_proj_dim = 2560;
  config.ffn_dim = 10240;
  config.num_hidden_layers = 1;
  config.num_attention_heads = 32;
  config.vocab_size = 50304;
  Opt model = make_opt(config);
  const int64_t one = count_parameters(named_tensors(model));
  const int64_t layer = 4 * (2560 * 2560 + 2560) + 2 * 2560 * 10240 + 10240 + 2560 + 4 * 2560;
  EXPECT_EQ(one + 31 * layer, 2651678720);
}

std::string refusal(const OptConfig& config) {
  try {
    make_opt(config);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "";
}

TEST(OptConfig, DisagreeingFieldsAreRefused) {
  OptConfig config = tiny_config("prenorm");
  config.num_attention_heads = 3;
  EXPECT_THAT(refusal(config), HasSubstr("num_attention_heads (3) must divide hidden_size (20)"));
  config = tiny_config("prenorm");
  config.activation_function = "gelu\n";
  EXPECT_THAT(refusal(config), HasSubstr("activation_function"));
  EXPECT_THAT(refusal(config), HasSubstr("\\n"));
  config = tiny_config("prenorm");
  config.ffn_dim = int64_t{1} << 40;
  EXPECT_THAT(refusal(config), HasSubstr("ffn_dim: expected an integer from 1 to"));
}

TEST(Opt, SequencesBeyondItsPositionsAreRefused) {
  const Tiny tiny("prenorm");
  const at::NoGradGuard no_grad;
  const int64_t longest = kMaxPositions;
  const at::Tensor embeds = embed(tiny.model, some_ids(1, longest + 1));
  EXPECT_THROW(uncached_logits(tiny.model, embeds), Error);
  EXPECT_THROW(OptDecoder(tiny.model, embeds, {}).start(), Error);
  // One token of padding: as many real tokens as there are positions, and no more.
  at::Tensor mask = at::ones({1, longest + 1}, at::kFloat);
  mask.select(1, 0).fill_(0.0);
  OptDecoder decoder(tiny.model, embeds, mask);
  decoder.start();
  EXPECT_THROW(decoder.step(at::zeros({1}, at::kLong)), Error);
}

}  // namespace
}  // namespace blip2
