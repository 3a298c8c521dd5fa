// The stage-2 model against its plain form: each prediction of the language model from [queries]
// [text so far] of one picture alone, without padding, packing or a batch.
#include "blip2/models/blip2/stage2.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "blip2/models/language/llama_language_model.h"
#include "tests/models/support.h"

namespace blip2 {
namespace {

using testing::fill_distinct;
using testing::relative_difference;

constexpr int64_t kQueries = 3, kWidth = 20, kPadId = 17;

QFormerConfig tiny_qformer() {
  return {.hidden_size = 12,
          .num_hidden_layers = 3,
          .num_attention_heads = 3,
          .intermediate_size = 28,
          .vocab_size = 10,
          .max_position_embeddings = 11,
          .encoder_hidden_size = 6,
          .num_query_tokens = kQueries};
}

Llama tiny_llama() {
  LlamaConfig config;
  config.hidden_size = kWidth;
  config.intermediate_size = 28;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 8;
  config.vocab_size = 37;
  config.max_position_embeddings = 64;
  return make_llama(config);
}

/// The tokens of a text, of which the first `unscored` carry no loss.
struct Row {
  std::vector<int64_t> ids;
  int64_t unscored;
  int64_t length() const { return static_cast<int64_t>(ids.size()); }
};

at::Tensor to_tensor(const std::vector<int64_t>& values) {
  return at::tensor(at::ArrayRef<int64_t>(values), at::kLong);
}

LanguageModelText make_text(const std::vector<Row>& rows, int64_t length) {
  const int64_t batch = static_cast<int64_t>(rows.size());
  LanguageModelText text{at::full({batch, length}, kPadId, at::kLong),
                         at::zeros({batch, length}, at::kLong),
                         at::zeros({batch, length}, at::kLong)};
  for (int64_t i = 0; i < batch; ++i) {
    const Row& row = rows[static_cast<size_t>(i)];
    text.ids[i].narrow(0, 0, row.length()).copy_(to_tensor(row.ids));
    text.mask[i].narrow(0, 0, row.length()).fill_(1);
    text.targets[i].narrow(0, row.unscored, row.length() - row.unscored).fill_(1);
  }
  return text;
}

class Stage2Test : public ::testing::Test {
 protected:
  void SetUp() override {
    const at::NoGradGuard no_grad;
    stage2_ = make_stage2(tiny_qformer(), 0.03, kWidth);
    fill_distinct(named_tensors(stage2_), 1);
    fill_distinct(named_tensors(llama_), 2);
    // Large weights: what a token becomes depends on all that stands before it.
    for (const NamedTensor& named : named_tensors(llama_)) {
      if (named.tensor->dim() == 2) named.tensor->mul_(4);
    }
    embeds_ = at::zeros({static_cast<int64_t>(rows_.size()), 4, 6});
    Random random(3, "pictures");
    fill_normal(embeds_, 2.0, random);
    inputs_ = language_inputs(stage2_, embeds_);
  }

  /// Of every scored token: the logits behind the queries and the tokens before it, and its id.
  LanguageModelLogits plain(const at::Tensor& inputs) const {
    std::vector<at::Tensor> logits;
    std::vector<int64_t> targets;
    for (size_t i = 0; i < rows_.size(); ++i) {
      const Row& row = rows_[i];
      for (int64_t t = row.unscored; t < row.length(); ++t) {
        const at::Tensor before = embed(llama_, to_tensor(row.ids).narrow(0, 0, t));
        const at::Tensor prefix = at::cat({inputs[static_cast<int64_t>(i)], before});
        const at::Tensor hidden = llama_hidden(llama_, prefix, pack(at::ones({1, prefix.size(0)})));
        logits.push_back(llama_logits(llama_, hidden.narrow(0, prefix.size(0) - 1, 1)));
        targets.push_back(row.ids[static_cast<size_t>(t)]);
      }
    }
    return {at::cat(logits), to_tensor(targets)};
  }

  LanguageModelLogits found(const at::Tensor& inputs, const LanguageModelText& text) const {
    return language_model_logits(language_model_, inputs, text);
  }

  // A prompt; none, so that the last query predicts; one token; a long prompt; only a prompt.
  const std::vector<Row> rows_ = {
      {{5, 9, 2, 30, 7, 11, 3}, 2}, {{8, 3}, 0}, {{3}, 0}, {{6, 1, 14, 22, 3}, 4}, {{4, 12}, 2}};
  Stage2 stage2_;
  Llama llama_ = tiny_llama();
  LlamaLanguageModel language_model_{llama_};  // shares the tensors
  at::Tensor embeds_;                          // [B, P, Dv]
  at::Tensor inputs_;                          // [B, Q, Dl]
};

void expect_same(const LanguageModelLogits& found, const LanguageModelLogits& expected) {
  EXPECT_LT(relative_difference(found.logits, expected.logits), 1e-5);
  ASSERT_EQ(found.targets.sizes(), expected.targets.sizes());
  EXPECT_TRUE(found.targets.equal(expected.targets)) << found.targets;
}

TEST_F(Stage2Test, InputsAreNormedQueriedAndProjected) {
  const LayerNorm& norm = stage2_.image_norm;
  const at::Tensor centred = embeds_ - embeds_.mean(-1, /*keepdim=*/true);
  const at::Tensor variance = centred.pow(2).mean(-1, /*keepdim=*/true);
  const at::Tensor normed = centred / at::sqrt(variance + 0.03) * norm.weight + norm.bias;
  const at::Tensor queries =
      encode_queries(stage2_.qformer, project_image(stage2_.qformer, normed)).hidden;
  EXPECT_LT(relative_difference(query_output(stage2_, embeds_), queries), 1e-5);
  const Linear& projection = stage2_.language_projection;
  const at::Tensor expected = at::matmul(queries, projection.weight.t()) + projection.bias;
  EXPECT_LT(relative_difference(inputs_, expected), 1e-5);
}

TEST_F(Stage2Test, AFreshProjectionHasTheScaleOfTheEmbeddings) {
  QFormerConfig config = tiny_qformer();
  config.hidden_size = 60;
  Stage2 fresh = make_stage2(config, 1e-6, 200);
  Random random(5, "projection");
  initialise_projection(fresh, 0.3, random);
  at::Tensor queries = at::zeros({500, 60});
  fill_normal(queries, 1.0, random);
  const at::Tensor outputs = apply(fresh.language_projection, queries);
  EXPECT_NEAR(std::sqrt(outputs.pow(2).mean().item<double>()), 0.3, 0.01);
  EXPECT_EQ(fresh.language_projection.bias.abs().max().item<double>(), 0.0);
}

TEST_F(Stage2Test, LogitsAndTargetsEqualThePlainForm) {
  const at::NoGradGuard no_grad;
  expect_same(found(inputs_, make_text(rows_, 7)), plain(inputs_));
}

TEST_F(Stage2Test, GradientEqualsThePlainForm) {
  const auto gradient = [&](auto&& logits_of) {
    at::Tensor inputs = inputs_.detach().clone();
    inputs.requires_grad_();
    const at::Tensor logits = logits_of(inputs).logits;
    at::Tensor coefficients = at::zeros_like(logits);
    Random random(4, "coefficients");
    fill_normal(coefficients, 1.0, random);
    (logits * coefficients).sum().backward();
    return inputs.grad();
  };
  const at::Tensor expected = gradient([&](const at::Tensor& inputs) { return plain(inputs); });
  const at::Tensor packed =
      gradient([&](const at::Tensor& inputs) { return found(inputs, make_text(rows_, 7)); });
  EXPECT_LT(relative_difference(packed, expected), 1e-5);
  EXPECT_EQ(packed[4].abs().max().item<double>(), 0.0);  // its text is all prompt
}

TEST_F(Stage2Test, BatchEqualsSingles) {
  const at::NoGradGuard no_grad;
  LanguageModelLogits singles{at::zeros({0, 37}), at::zeros({0}, at::kLong)};
  for (size_t i = 0; i < rows_.size(); ++i) {
    const at::Tensor inputs =
        language_inputs(stage2_, embeds_.narrow(0, static_cast<int64_t>(i), 1));
    const LanguageModelLogits one = found(inputs, make_text({rows_[i]}, rows_[i].length()));
    singles = {at::cat({singles.logits, one.logits}), at::cat({singles.targets, one.targets})};
  }
  expect_same(found(inputs_, make_text(rows_, 7)), singles);
}

TEST_F(Stage2Test, PaddingIsNeitherScoredNorSeen) {
  const at::NoGradGuard no_grad;
  LanguageModelText text = make_text(rows_, 9);
  text.targets.add_(1 - text.mask);
  text.ids = text.ids * text.mask + 21 * (1 - text.mask);
  expect_same(found(inputs_, text), plain(inputs_));
}

}  // namespace
}  // namespace blip2
