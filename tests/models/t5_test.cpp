// T5 against transformers (tools/make_t5_goldens.py), and its own laws: packed = single rows,
// cached = uncached, wherever the encoder's padding stands, and selected rows go on as they were.
#include "blip2/models/language/t5.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/language/t5_language_model.h"
#include "tests/models/support.h"

namespace blip2 {
namespace {

using ::testing::HasSubstr;
using testing::relative_difference;

constexpr int64_t kVocabulary = 37, kWidth = 20, kStart = 3;

T5Config tiny_config(const std::string& name) {
  T5Config config;
  config.d_model = kWidth;
  config.d_kv = 6;
  config.d_ff = 28;
  config.num_layers = 2;
  config.num_decoder_layers = 3;
  config.num_heads = 4;
  config.relative_attention_num_buckets = 8;
  config.relative_attention_max_distance = 12;
  config.layer_norm_epsilon = 3e-4;
  config.vocab_size = kVocabulary;
  config.decoder_start_token_id = kStart;
  config.tie_word_embeddings = name == "v1_0";
  config.feed_forward_proj = name == "v1_0" ? "relu" : "gated-gelu";
  config.dense_act_fn =
      name == "flan_exact" ? "gelu" : t5_activation_name(config.feed_forward_proj);
  return config;
}

/// A tiny model and what transformers computed with it.
struct Tiny {
  explicit Tiny(const std::string& name)
      : file(testing::golden("t5/" + name + ".safetensors")), model(make_t5(tiny_config(name))) {
    std::vector<Slot> slots;
    for (const NamedTensor& named : named_tensors(model)) {
      slots.push_back({named.name, named.tensor});
    }
    load(file, slots, {.ignore_unused = {"golden.*"}});
  }
  at::Tensor golden(const std::string& name) const { return file.read("golden." + name).clone(); }

  SafetensorsFile file;
  T5 model;
};

/// Logits behind the start token and every label: embeds [B, S, Dl], mask [B, S], labels [B, T],
/// label_mask [B, T] -> [R, V].
at::Tensor taught_logits(const T5& model, const at::Tensor& embeds, const at::Tensor& mask,
                         const at::Tensor& labels, const at::Tensor& label_mask) {
  const Packing source = pack_with_gaps(mask), target = pack(label_mask);
  const at::Tensor encoded = t5_encode(model, to_packed(source, embeds), source);
  const at::Tensor ids = shift_right(labels, model.config.decoder_start_token_id);
  const at::Tensor rows = to_packed(target, embed(model, ids));
  return t5_logits(model, t5_hidden(model, rows, target, encoded, source));
}

at::Tensor some_labels(int64_t rows, int64_t length) {
  return at::arange(rows * length, at::kLong).mul(7).remainder(kVocabulary).view({rows, length});
}

class TinyT5 : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Kinds, TinyT5, ::testing::Values("flan_exact", "flan", "v1_0"),
                         [](const auto& info) { return info.param; });

TEST_P(TinyT5, EncoderEqualsTransformers) {
  const Tiny tiny(GetParam());
  const Packing source = pack(tiny.golden("source_mask"));
  const at::Tensor rows = to_packed(source, tiny.golden("inputs_embeds"));
  EXPECT_LT(relative_difference(t5_encode(tiny.model, rows, source), tiny.golden("encoded")), 1e-5);
}

TEST_P(TinyT5, LogitsAndGradientsEqualTransformers) {
  const Tiny tiny(GetParam());
  const at::Tensor mask = tiny.golden("source_mask");
  at::Tensor embeds = tiny.golden("inputs_embeds");  // [B, S, Dl]
  embeds.requires_grad_();
  const at::Tensor logits =
      taught_logits(tiny.model, embeds, mask, tiny.golden("labels"), tiny.golden("label_mask"));
  EXPECT_LT(relative_difference(logits, tiny.golden("logits")), 1e-5);
  (logits * tiny.golden("coefficients")).sum().backward();
  const at::Tensor gradient = to_packed(pack(mask), embeds.grad());
  EXPECT_LT(relative_difference(gradient, tiny.golden("gradient")), 1e-5);
}

TEST_P(TinyT5, GreedyTextOfAPaddedBatchEqualsTransformers) {
  const Tiny tiny(GetParam());
  T5Decoder decoder(tiny.model, tiny.golden("inputs_embeds"), tiny.golden("source_mask"));
  at::Tensor token = decoder.start().argmax(-1);
  const at::Tensor expected = tiny.golden("greedy");  // [N, T]
  for (int64_t t = 0; t < expected.size(1); ++t) {
    EXPECT_TRUE(token.equal(expected.select(1, t))) << t;
    token = decoder.step(token).argmax(-1);
  }
}

TEST_P(TinyT5, CachedEqualsUncached) {
  const Tiny tiny(GetParam());
  const at::NoGradGuard no_grad;
  // Longer than one block of the cache, and than one of the table of distances.
  constexpr int64_t kLength = 70;
  const at::Tensor embeds = tiny.golden("inputs_embeds"), mask = tiny.golden("source_mask");
  const at::Tensor labels = some_labels(embeds.size(0), kLength);
  const at::Tensor expected = taught_logits(tiny.model, embeds, mask, labels, at::ones_like(labels))
                                  .view({embeds.size(0), kLength, -1});
  T5Decoder decoder(tiny.model, embeds, mask);
  EXPECT_LT(relative_difference(decoder.start(), expected.select(1, 0)), 1e-5);
  for (int64_t t = 1; t < kLength; ++t) {
    const at::Tensor logits = decoder.step(labels.select(1, t - 1));
    ASSERT_LT(relative_difference(logits, expected.select(1, t)), 1e-5) << t;
  }
}

TEST_P(TinyT5, PaddedBatchEqualsSingles) {
  const Tiny tiny(GetParam());
  const at::NoGradGuard no_grad;
  // Padding behind, before, and none; so large that it would show wherever it leaked to.
  const at::Tensor mask =
      at::tensor({1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1}, at::kLong).view({3, 5});
  const at::Tensor embeds = at::where(mask.to(at::kBool).unsqueeze(2),
                                      tiny.golden("inputs_embeds").narrow(0, 0, 3).narrow(1, 0, 5),
                                      at::full({3, 5, kWidth}, 1e3, at::kFloat));
  const at::Tensor next = at::tensor({3, 30, 11}, at::kLong);
  const at::Tensor labels = at::tensor({5, 9, 8, 0, 1, 2}, at::kLong).view({3, 2});
  const at::Tensor taught = taught_logits(tiny.model, embeds, mask, labels, at::ones_like(labels));
  T5Decoder together(tiny.model, embeds, mask);
  const at::Tensor first = together.start();
  const at::Tensor second = together.step(next);
  for (int64_t row = 0; row < 3; ++row) {
    const at::Tensor real = mask.select(0, row).nonzero().reshape(-1);
    const at::Tensor alone = embeds.narrow(0, row, 1).index_select(1, real);
    T5Decoder single(tiny.model, alone, {});
    EXPECT_LT(relative_difference(first.narrow(0, row, 1), single.start()), 1e-5) << row;
    EXPECT_LT(relative_difference(second.narrow(0, row, 1), single.step(next.narrow(0, row, 1))),
              1e-5)
        << row;
    const at::Tensor own = labels.narrow(0, row, 1), ones = at::ones({1, real.size(0)});
    EXPECT_LT(relative_difference(taught.narrow(0, row * 2, 2),
                                  taught_logits(tiny.model, alone, ones, own, at::ones_like(own))),
              1e-5)
        << row;
  }
}

TEST_P(TinyT5, SelectedRowsGoOnAsTheyWere) {
  const Tiny tiny(GetParam());
  const at::NoGradGuard no_grad;
  const at::Tensor embeds = tiny.golden("inputs_embeds"), mask = tiny.golden("source_mask");
  T5Decoder kept(tiny.model, embeds, mask);  // 4 rows
  T5Decoder moved(tiny.model, embeds, mask);
  kept.start();
  moved.start();
  at::Tensor rows = at::arange(4, at::kLong);
  int64_t step = 0;
  for (const std::vector<int64_t>& chosen : std::vector<std::vector<int64_t>>{
           {0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3},    // beams
           {2, 0, 0, 3, 4, 3, 6, 6, 6, 11, 10, 9},  // beams change places, pictures do not
           {0, 2, 3, 9, 10},                        // unequally many of each
           {4, 2, 2, 0},                            // reordered
           {1, 2, 0, 3, 3, 3},                      // neighbours of one picture
           {5}}) {
    const at::Tensor index = at::tensor(at::ArrayRef<int64_t>(chosen), at::kLong);
    moved.select(index);
    rows = rows.index_select(0, index);
    const at::Tensor next = some_labels(4, 9).select(1, step++);
    const at::Tensor expected = kept.step(next).index_select(0, rows);
    EXPECT_LT(relative_difference(moved.step(next.index_select(0, rows)), expected), 1e-5) << step;
  }
}

TEST(T5, BeamsOfOnePictureWriteApart) {
  // Rows of one source with different texts, against rows decoded each by itself.
  const Tiny tiny("flan");
  const at::NoGradGuard no_grad;
  const at::Tensor embeds = tiny.golden("inputs_embeds").narrow(0, 0, 2);
  const at::Tensor mask = tiny.golden("source_mask").narrow(0, 0, 2);
  T5Decoder beams(tiny.model, embeds, mask);
  beams.start();
  beams.select(at::tensor({0, 0, 0, 1, 1, 1}, at::kLong));
  const at::Tensor words = some_labels(6, 3);
  for (int64_t t = 0; t < 2; ++t) beams.step(words.select(1, t));
  const at::Tensor found = beams.step(words.select(1, 2));
  for (int64_t row = 0; row < 6; ++row) {
    T5Decoder single(tiny.model, embeds.narrow(0, row / 3, 1), mask.narrow(0, row / 3, 1));
    single.start();
    for (int64_t t = 0; t < 2; ++t) single.step(words.narrow(0, row, 1).select(1, t));
    const at::Tensor expected = single.step(words.narrow(0, row, 1).select(1, 2));
    EXPECT_LT(relative_difference(found.narrow(0, row, 1), expected), 1e-5) << row;
  }
}

TEST(T5LanguageModel, GivesWhatItsModelGives) {
  const Tiny tiny("flan");
  const at::NoGradGuard no_grad;
  const T5LanguageModel language_model{tiny.model};
  EXPECT_EQ(language_model.start_id(), kStart);
  const at::Tensor embeds = tiny.golden("inputs_embeds"), mask = tiny.golden("source_mask");
  const at::Tensor labels = some_labels(4, 2);
  const Packing source = pack(mask), target = pack(at::ones_like(labels));
  const at::Tensor encoded = language_model.encode(to_packed(source, embeds), source);
  const at::Tensor ids = shift_right(labels, language_model.start_id());
  const at::Tensor rows = language_model.embed(ids).flatten(0, 1);
  const at::Tensor logits =
      language_model.logits(language_model.hidden(rows, target, encoded, source))
          .view({4, 2, kVocabulary});
  const std::unique_ptr<Decoder> decoder = language_model.decode(embeds, mask);
  EXPECT_LT(relative_difference(decoder->start(), logits.select(1, 0)), 1e-5);
  EXPECT_LT(relative_difference(decoder->step(labels.select(1, 0)), logits.select(1, 1)), 1e-5);
}

TEST(T5LanguageModel, LabelsAreShiftedBehindTheStartToken) {
  const at::Tensor labels = at::tensor({5, 6, 1, 7, 1, 0}, at::kLong).view({2, 3});
  EXPECT_TRUE(shift_right(labels, 9).equal(at::tensor({9, 5, 6, 9, 7, 1}, at::kLong).view({2, 3})));
}

TEST(T5Config, ActivationsByName) {
  EXPECT_EQ(t5_activation_name("relu"), "relu");
  EXPECT_EQ(t5_activation_name("gated-gelu"), "gelu_new");
  EXPECT_EQ(t5_activation_name("gated-silu"), "silu");
  EXPECT_FALSE(is_gated(tiny_config("v1_0")));
  EXPECT_TRUE(is_gated(tiny_config("flan")));
}

TEST(T5Config, ParametersOfThePublishedSizes) {
  // google/flan-t5-xl.
  T5Config config;
  config.d_model = 2048;
  config.d_ff = 5120;
  config.num_heads = 32;
  config.num_layers = config.num_decoder_layers = 1;
  config.feed_forward_proj = "gated-gelu";
  config.dense_act_fn = "gelu";
  config.tie_word_embeddings = false;
  T5 model = make_t5(config);
  const int64_t attention = 4 * 2048 * 2048 + 2048, feed_forward = 3 * 2048 * 5120 + 2048;
  EXPECT_EQ(count_parameters(named_tensors(model)) + 23 * (3 * attention + 2 * feed_forward),
            2849757184);
}

std::string refusal(const T5Config& config) {
  try {
    make_t5(config);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "";
}

TEST(T5Config, DisagreeingFieldsAreRefused) {
  T5Config config = tiny_config("flan");
  config.dense_act_fn = "gelu_fast_or_so";
  EXPECT_THAT(refusal(config), HasSubstr("dense_act_fn"));
  config = tiny_config("flan");
  config.feed_forward_proj = "gated-gelu-twice";
  EXPECT_THAT(refusal(config), HasSubstr("feed_forward_proj"));
  config = tiny_config("flan");
  config.relative_attention_max_distance = 4;
  EXPECT_THAT(refusal(config),
              HasSubstr("relative_attention_max_distance: expected an integer from 5 to"));
  config = tiny_config("flan");
  config.decoder_start_token_id = kVocabulary;
  EXPECT_THAT(refusal(config), HasSubstr("decoder_start_token_id"));
  config = tiny_config("flan");
  config.num_decoder_layers = 0;
  EXPECT_THAT(refusal(config), HasSubstr("num_decoder_layers"));
}

}  // namespace
}  // namespace blip2
