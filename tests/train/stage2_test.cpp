// The texts of stage 2, token by token, and the held-out loss against plain loops over pictures and
// tokens.
#include "blip2/train/stage2.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "blip2/base/random.h"
#include "blip2/models/blip2_model.h"
#include "blip2/models/language/llama_language_model.h"
#include "blip2/models/language/t5_language_model.h"
#include "blip2/text/byte_bpe.h"
#include "tests/support/weights.h"

namespace blip2 {
namespace {

using Ids = std::vector<int64_t>;
using Matrix = std::vector<Ids>;

constexpr int64_t kStart = 0, kEnd = 1, kPad = 2;

/// Tokens: <s> </s> <pad> a b c space ab _a _ab, with _ for a space in front.
ByteBpeParts tiny_parts() {
  ByteBpeParts parts;
  parts.tokens = {"<s>", "</s>", "<pad>", "a", "b", "c", "Ġ", "ab", "Ġa", "Ġab"};
  parts.token_types = {3, 3, 3, 1, 1, 1, 1, 1, 1, 1};
  parts.merges = {"a b", "Ġ ab", "Ġ a"};
  parts.frame.source = "tiny";
  parts.frame.special_ids = {.bos = kStart, .eos = kEnd, .pad = kPad};
  return parts;
}

Matrix rows_of(const at::Tensor& x) {
  Matrix rows;
  for (int64_t i = 0; i < x.size(0); ++i) {
    rows.emplace_back();
    for (int64_t j = 0; j < x.size(1); ++j) rows.back().push_back(x[i][j].item<int64_t>());
  }
  return rows;
}

void expect_text(const LanguageModelText& text, const Matrix& ids, const Matrix& mask,
                 const Matrix& targets) {
  EXPECT_EQ(rows_of(text.ids), ids);
  EXPECT_EQ(rows_of(text.mask), mask);
  EXPECT_EQ(rows_of(text.targets), targets);
}

TEST(LanguageModelTextTest, PromptSpaceCaptionEnd) {
  const auto tokenizer = make_byte_bpe(tiny_parts());
  expect_text(language_model_text(*tokenizer, {"a", "ab ca b", "c"}, "ab c", 20),
              {{7, 6, 5, 8, 1, 2, 2, 2, 2, 2},
               {7, 6, 5, 9, 6, 5, 3, 6, 4, 1},
               {7, 6, 5, 6, 5, 1, 2, 2, 2, 2}},
              {{1, 1, 1, 1, 1, 0, 0, 0, 0, 0},
               {1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
               {1, 1, 1, 1, 1, 1, 0, 0, 0, 0}},
              {{0, 0, 0, 1, 1, 0, 0, 0, 0, 0},
               {0, 0, 0, 1, 1, 1, 1, 1, 1, 1},
               {0, 0, 0, 1, 1, 1, 0, 0, 0, 0}});
}

TEST(LanguageModelTextTest, EachAnswerFollowsItsOwnQuestion) {
  const auto tokenizer = make_byte_bpe(tiny_parts());
  expect_text(answer_text(*tokenizer, {"a", "b c"}, {"ab c", "c"}, 20),
              {{7, 6, 5, 8, 1, 2}, {5, 6, 4, 6, 5, 1}}, {{1, 1, 1, 1, 1, 0}, {1, 1, 1, 1, 1, 1}},
              {{0, 0, 0, 1, 1, 0}, {0, 1, 1, 1, 1, 1}});
  // Questions and answers are cut apart; the end token stays.
  expect_text(answer_text(*tokenizer, {"a", "b c"}, {"ab c", "c"}, 2), {{7, 6, 8, 1}, {5, 6, 1, 2}},
              {{1, 1, 1, 1}, {1, 1, 1, 0}}, {{0, 0, 1, 1}, {0, 1, 1, 0}});
}

TEST(LanguageModelTextTest, WithoutAPromptTheWholeCaptionIsATarget) {
  const auto tokenizer = make_byte_bpe(tiny_parts());
  expect_text(language_model_text(*tokenizer, {"ab a", "c"}, "", 20), {{7, 8, 1}, {5, 1, 2}},
              {{1, 1, 1}, {1, 1, 0}}, {{1, 1, 1}, {1, 1, 0}});
}

TEST(LanguageModelTextTest, TheStartTokenIsATargetOnlyWithoutAPrompt) {
  ByteBpeParts parts = tiny_parts();
  parts.frame.prefix_ids = {kStart};
  const auto tokenizer = make_byte_bpe(std::move(parts));
  expect_text(language_model_text(*tokenizer, {"a"}, "b", 20), {{0, 4, 8, 1}}, {{1, 1, 1, 1}},
              {{0, 0, 1, 1}});
  expect_text(language_model_text(*tokenizer, {"a"}, "", 20), {{0, 3, 1}}, {{1, 1, 1}},
              {{1, 1, 1}});
}

TEST(LanguageModelTextTest, LongTextsAreTruncatedAtTheEnd) {
  const auto tokenizer = make_byte_bpe(tiny_parts());
  const std::vector<std::string> captions = {"ab a ab", "a"};
  expect_text(language_model_text(*tokenizer, captions, "b", 5), {{4, 9, 8, 9, 1}, {4, 8, 1, 2, 2}},
              {{1, 1, 1, 1, 1}, {1, 1, 1, 0, 0}}, {{0, 1, 1, 1, 1}, {0, 1, 1, 0, 0}});
  expect_text(language_model_text(*tokenizer, captions, "b", 4), {{4, 9, 8, 9}, {4, 8, 1, 2}},
              {{1, 1, 1, 1}, {1, 1, 1, 0}}, {{0, 1, 1, 1}, {0, 1, 1, 0}});
  expect_text(language_model_text(*tokenizer, captions, "b", 2), {{4, 9}, {4, 8}}, {{1, 1}, {1, 1}},
              {{0, 1}, {0, 1}});
  expect_text(language_model_text(*tokenizer, captions, "ab ab ab", 2), {{7, 9}, {7, 9}},
              {{1, 1}, {1, 1}}, {{0, 0}, {0, 0}});
}

// As in SmolLM2: the end token is scored, the same id as padding is not.
TEST(LanguageModelTextTest, PaddingMayBeTheEndToken) {
  ByteBpeParts parts = tiny_parts();
  parts.frame.special_ids.pad = kEnd;
  const auto tokenizer = make_byte_bpe(std::move(parts));
  expect_text(language_model_text(*tokenizer, {"a", "ab a c"}, "b", 20),
              {{4, 8, 1, 1, 1, 1}, {4, 9, 8, 6, 5, 1}}, {{1, 1, 1, 0, 0, 0}, {1, 1, 1, 1, 1, 1}},
              {{0, 1, 1, 0, 0, 0}, {0, 1, 1, 1, 1, 1}});
}

// The line feed that ends OPT's captions.
TEST(LanguageModelTextTest, AnotherEndTokenMayBeGiven) {
  const auto tokenizer = make_byte_bpe(tiny_parts());
  const LanguageModelText text = language_model_text(*tokenizer, {"a", "ab"}, "b", 20, 5);
  expect_text(text, {{4, 8, 5}, {4, 9, 5}}, {{1, 1, 1}, {1, 1, 1}}, {{0, 1, 1}, {0, 1, 1}});
}

// LLaMA's tokenizers.
TEST(LanguageModelTextTest, PaddingWithoutAnIdUsesARowOfTheTable) {
  ByteBpeParts parts = tiny_parts();
  parts.frame.special_ids.pad = -1;
  const auto tokenizer = make_byte_bpe(std::move(parts));
  expect_text(language_model_text(*tokenizer, {"a", "ab a"}, "", 20), {{3, 1, 0}, {7, 8, 1}},
              {{1, 1, 0}, {1, 1, 1}}, {{1, 1, 0}, {1, 1, 1}});
}

void expect_text(const PrefixLanguageModelText& text, const Matrix& prefixes,
                 const Matrix& prefix_mask, const Matrix& targets, const Matrix& target_mask) {
  EXPECT_EQ(rows_of(text.prefix_ids), prefixes);
  EXPECT_EQ(rows_of(text.prefix_mask), prefix_mask);
  EXPECT_EQ(rows_of(text.target_ids), targets);
  EXPECT_EQ(rows_of(text.target_mask), target_mask);
}

const std::vector<std::string> kTwoCaptions = {"a ab c", "b"};

TEST(PrefixLanguageModelTextTest, WithoutACutThePrefixIsThePrompt) {
  const auto tokenizer = make_byte_bpe(tiny_parts());
  expect_text(prefix_language_model_text(*tokenizer, kTwoCaptions, "", {0, 0}, 20), {{1}, {1}},
              {{1}, {1}}, {{3, 9, 6, 5, 1}, {4, 1, 2, 2, 2}}, {{1, 1, 1, 1, 1}, {1, 1, 0, 0, 0}});
  expect_text(prefix_language_model_text(*tokenizer, kTwoCaptions, "ab a", {0, 0}, 20),
              {{7, 8, 1}, {7, 8, 1}}, {{1, 1, 1}, {1, 1, 1}}, {{3, 9, 6, 5, 1}, {4, 1, 2, 2, 2}},
              {{1, 1, 1, 1, 1}, {1, 1, 0, 0, 0}});
}

TEST(PrefixLanguageModelTextTest, ASplitCaptionIsPrefixAndTarget) {
  const auto tokenizer = make_byte_bpe(tiny_parts());
  expect_text(prefix_language_model_text(*tokenizer, kTwoCaptions, "ab", {2, 0}, 20),
              {{7, 3, 9, 1}, {7, 1, 2, 2}}, {{1, 1, 1, 1}, {1, 1, 0, 0}}, {{6, 5, 1}, {4, 1, 2}},
              {{1, 1, 1}, {1, 1, 0}});
}

// As T5's tokenizer, which puts the end token behind every text by itself.
TEST(PrefixLanguageModelTextTest, TheTokenizersOwnEndTokenIsNotDoubled) {
  ByteBpeParts parts = tiny_parts();
  parts.frame.suffix_ids = {kEnd};
  const auto tokenizer = make_byte_bpe(std::move(parts));
  expect_text(prefix_language_model_text(*tokenizer, {"a ab"}, "c", {1}, 20), {{5, 3, 1}},
              {{1, 1, 1}}, {{9, 1}}, {{1, 1}});
}

TEST(PrefixLanguageModelTextTest, LongTextsKeepTheirEndToken) {
  const auto tokenizer = make_byte_bpe(tiny_parts());
  expect_text(prefix_language_model_text(*tokenizer, kTwoCaptions, "b b", {1, 0}, 3),
              {{4, 6, 1}, {4, 6, 1}}, {{1, 1, 1}, {1, 1, 1}}, {{9, 6, 1}, {4, 1, 2}},
              {{1, 1, 1}, {1, 1, 0}});
}

TEST(PrefixCutsTest, AreBetweenTheFirstTokenAndTheMiddle) {
  const auto tokenizer = make_byte_bpe(tiny_parts());
  const std::vector<std::string> captions = {"b", "a ab", "a ab c", "a a a a a a a"};  // 1 2 4 7
  std::vector<std::set<int64_t>> seen(captions.size());
  for (int64_t step = 1; step <= 60; ++step) {
    const Ids cuts = prefix_cuts(*tokenizer, captions, 5, step);
    EXPECT_EQ(cuts, prefix_cuts(*tokenizer, captions, 5, step));
    for (size_t row = 0; row < cuts.size(); ++row) seen[row].insert(cuts[row]);
  }
  using Set = std::set<int64_t>;
  EXPECT_EQ(seen, (std::vector<Set>{{0}, {1}, {1, 2}, {1, 2, 3}}));
  EXPECT_NE(prefix_cuts(*tokenizer, std::vector<std::string>(20, captions[3]), 5, 1),
            prefix_cuts(*tokenizer, std::vector<std::string>(20, captions[3]), 6, 1));
}

class HeldOutLossTest : public ::testing::Test {
 protected:
  void SetUp() override {
    QFormerConfig qformer{.hidden_size = 12,
                          .num_hidden_layers = 2,
                          .num_attention_heads = 3,
                          .intermediate_size = 20,
                          .encoder_hidden_size = 5,
                          .num_query_tokens = 3};
    LlamaConfig language;
    language.hidden_size = 14;
    language.intermediate_size = 18;
    language.num_hidden_layers = 2;
    language.num_attention_heads = 4;
    language.num_key_value_heads = 2;
    language.head_dim = 6;
    language.vocab_size = 10;
    language.max_position_embeddings = 40;
    bundle_.language_model = std::make_unique<LlamaLanguageModel>(make_llama(language));
    testing::fill_distinct(bundle_.language_model->tensors(), 2, 0.4);
    bundle_.text_tokenizer = make_byte_bpe(tiny_parts());
    put_stage2(bundle_, make_stage2(qformer, 1e-6, 14));
    // Large weights: losses differ from token to token and from picture to picture.
    testing::fill_distinct(named_tensors(*bundle_.stage2), 1, 0.3);
    bundle_.prompt = "ab c";
    bundle_.max_text_length = 12;
    // Three batches of 16, 16 and 5; short captions first, the last ones cut.
    const char* const words[] = {"a", "ab", "c", "b"};
    Random random(3, "data");
    for (int i = 0; i < 37; ++i) {
      std::string caption = words[random.below(4)];
      for (int j = 0; j < i / 6; ++j) caption.append(" ").append(words[random.below(4)]);
      captions_.push_back(caption);
    }
    embeds_ = at::zeros({37, 4, 5});
    fill_normal(embeds_, 1.0, random);
  }

  /// Negative log likelihoods of the scored tokens of a picture's text, each from the queries and
  /// the tokens before it.
  std::vector<double> losses(size_t picture) const {
    const at::NoGradGuard no_grad;
    const Tokenizer& tokenizer = *bundle_.text_tokenizer;
    const CausalLanguageModel& language = causal_language_model(bundle_);
    const size_t unscored = bundle_.prompt.empty() ? 0 : tokenizer.encode(bundle_.prompt).size();
    const std::string& caption = captions_[picture];
    Ids ids = tokenizer.encode(bundle_.prompt.empty() ? caption : bundle_.prompt + " " + caption);
    ids.push_back(kEnd);
    if (static_cast<int64_t>(ids.size()) > bundle_.max_text_length) {
      ids.resize(static_cast<size_t>(bundle_.max_text_length));
    }
    const at::Tensor queries =
        language_inputs(*bundle_.stage2, embeds_.narrow(0, static_cast<int64_t>(picture), 1))[0];
    std::vector<double> result;
    for (size_t t = unscored; t < ids.size(); ++t) {
      const at::Tensor before =
          language.embed(at::tensor(at::ArrayRef<int64_t>(ids.data(), t), at::kLong));
      const at::Tensor prefix = at::cat({queries, before});
      const at::Tensor hidden = language.hidden(prefix, pack(at::ones({1, prefix.size(0)})));
      const at::Tensor logits =
          language.logits(hidden.narrow(0, prefix.size(0) - 1, 1))[0].to(at::kDouble);
      double total = 0;
      for (int64_t v = 0; v < logits.size(0); ++v) total += std::exp(logits[v].item<double>());
      result.push_back(std::log(total) - logits[ids[t]].item<double>());
    }
    return result;
  }

  Bundle bundle_;
  std::vector<std::string> captions_;
  at::Tensor embeds_;  // [N, P, Dv]
};

TEST_F(HeldOutLossTest, IsTheMeanOverAllScoredTokens) {
  for (const std::string prompt : {"ab c", ""}) {
    SCOPED_TRACE("prompt \"" + prompt + "\"");
    bundle_.prompt = prompt;
    double total = 0, tokens = 0;
    for (size_t i = 0; i < captions_.size(); ++i) {
      for (const double loss : losses(i)) total += loss, ++tokens;
    }
    EXPECT_NEAR(held_out_loss(bundle_, embeds_, captions_), total / tokens, 1e-5);
  }
}

// An encoder-decoder's loss is that of writing the caption token by token, with its cache.
TEST_F(HeldOutLossTest, OfAnEncoderDecoderEqualsThatOfWriting) {
  T5Config language;
  language.d_model = 14;
  language.d_kv = 5;
  language.d_ff = 18;
  language.num_layers = 2;
  language.num_decoder_layers = 2;
  language.num_heads = 3;
  language.feed_forward_proj = "gated-gelu";
  language.dense_act_fn = "gelu";
  language.vocab_size = 10;
  bundle_.language_model = std::make_unique<T5LanguageModel>(make_t5(language));
  testing::fill_distinct(bundle_.language_model->tensors(), 2, 0.4);
  const at::NoGradGuard no_grad;
  for (const std::string prompt : {"ab c", ""}) {
    SCOPED_TRACE("prompt \"" + prompt + "\"");
    bundle_.prompt = prompt;
    Ids prefix = bundle_.text_tokenizer->encode(prompt);
    prefix.push_back(kEnd);
    double total = 0, tokens = 0;
    for (size_t i = 0; i < captions_.size(); ++i) {
      Ids ids = bundle_.text_tokenizer->encode(captions_[i]);
      ids.resize(std::min<size_t>(ids.size(), 11));
      ids.push_back(kEnd);
      const at::Tensor queries =
          language_inputs(*bundle_.stage2, embeds_.narrow(0, static_cast<int64_t>(i), 1));
      const at::Tensor words =
          bundle_.language_model->embed(at::tensor(at::ArrayRef<int64_t>(prefix), at::kLong));
      const auto decoder =
          bundle_.language_model->decode(at::cat({queries, words.unsqueeze(0)}, 1), {});
      at::Tensor logits = decoder->start();
      for (const int64_t id : ids) {
        total += (logits[0].to(at::kDouble).logsumexp(0) - logits[0][id]).item<double>();
        ++tokens;
        logits = decoder->step(at::tensor({id}, at::kLong));
      }
    }
    EXPECT_NEAR(held_out_loss(bundle_, embeds_, captions_), total / tokens, 1e-5);
  }
}

// Without this IsTheMeanOverAllScoredTokens would not tell a mean over tokens from a mean of means.
TEST_F(HeldOutLossTest, OtherMeansDiffer) {
  double total = 0, tokens = 0, of_pictures = 0, of_batches = 0;
  for (size_t first = 0; first < captions_.size(); first += 16) {
    const size_t end = std::min<size_t>(first + 16, captions_.size());
    double batch_total = 0, batch_tokens = 0;
    for (size_t i = first; i < end; ++i) {
      double sum = 0;
      const std::vector<double> all = losses(i);
      for (const double loss : all) sum += loss;
      of_pictures += sum / static_cast<double>(all.size() * captions_.size());
      batch_total += sum;
      batch_tokens += static_cast<double>(all.size());
    }
    of_batches += batch_total / batch_tokens / 3;
    total += batch_total;
    tokens += batch_tokens;
  }
  EXPECT_GT(std::abs(total / tokens - of_batches), 1e-3);
  EXPECT_GT(std::abs(total / tokens - of_pictures), 1e-3);
}

}  // namespace
}  // namespace blip2
