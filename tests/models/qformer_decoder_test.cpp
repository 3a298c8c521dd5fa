// The Q-Former's own writing, token after token, against the pass over a whole text without a
// cache.
#include "blip2/models/blip2/qformer_decoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "tests/models/support.h"

namespace blip2 {
namespace {
using testing::relative_difference;

constexpr int64_t kRows = 3, kVocabulary = 31, kDec = 30;
constexpr int64_t kLength = 36;  // with the five queries more than one block of the cache

class QFormerDecoderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::fill_distinct(named_tensors(model_), 5);
    for (const NamedTensor& named : named_tensors(model_)) {
      if (named.tensor->dim() >= 2) named.tensor->mul_(3);  // each token and each picture counts
    }
    Random random(6, "image embeds");
    fill_normal(image_, 1.0, random);
  }

  static Stage1Config config() {
    Stage1Config config;
    config.qformer = {.hidden_size = 24,
                      .num_hidden_layers = 3,
                      .num_attention_heads = 3,
                      .intermediate_size = 36,
                      .vocab_size = kVocabulary,
                      .max_position_embeddings = kLength + 1,
                      .cross_attention_frequency = 2,
                      .encoder_hidden_size = 20,
                      .num_query_tokens = 5};
    config.embed_dim = 7;
    return config;
  }
  QueryPass queries(const at::Tensor& image) const {
    return encode_queries(model_.qformer, project_image(model_.qformer, image));
  }
  /// Logits behind every token of ids [N, T], without a cache: [N, T, V].
  at::Tensor uncached(const at::Tensor& image, const at::Tensor& ids) const {
    // A pass gives no logits behind its last token: one more is put there.
    const at::Tensor longer = at::cat({ids, at::zeros({ids.size(0), 1}, at::kLong)}, 1);
    const Text text = pack_text(longer, at::ones_like(longer));
    return generation_logits(model_, queries(image), text, kDec)
        .logits.view({ids.size(0), ids.size(1), kVocabulary});
  }

  Stage1 model_ = make_stage1(config());
  at::Tensor image_ = at::zeros({kRows, 8, 20});
  /// Other tokens in every row; the first stands for [CLS], which becomes [DEC].
  at::Tensor ids_ =
      at::arange(kRows * kLength, at::kLong).mul(7).remainder(kDec).view({kRows, kLength});
};

TEST_F(QFormerDecoderTest, CachedEqualsUncached) {
  const at::Tensor expected = uncached(image_, ids_);
  QFormerDecoder decoder(model_, queries(image_), kDec);
  EXPECT_LT(relative_difference(decoder.start(), expected.select(1, 0)), 1e-5);
  for (int64_t t = 1; t < kLength; ++t) {
    const at::Tensor found = decoder.step(ids_.select(1, t));
    ASSERT_LT(relative_difference(found, expected.select(1, t)), 1e-5) << t;
  }
}

TEST_F(QFormerDecoderTest, SelectedRowsGoOnAsTheRowsThatTheyWere) {
  QFormerDecoder decoder(model_, queries(image_), kDec);
  decoder.start();
  at::Tensor image = image_, ids = ids_.narrow(1, 0, 1);
  const auto write = [&](int64_t num_tokens) {
    for (int64_t i = 0; i < num_tokens; ++i) {
      // Rows that were one differ from here on.
      const at::Tensor next =
          at::arange(image.size(0), at::kLong).mul(11).add(5 * ids.size(1)).remainder(kDec);
      ids = at::cat({ids, next.unsqueeze(1)}, 1);
      const at::Tensor expected = uncached(image, ids).select(1, ids.size(1) - 1);
      ASSERT_LT(relative_difference(decoder.step(next), expected), 1e-5) << ids.size(1);
    }
  };
  const auto select = [&](std::initializer_list<int64_t> kept) {
    const at::Tensor rows = at::tensor(at::ArrayRef<int64_t>(kept), at::kLong);
    decoder.select(rows);
    image = image.index_select(0, rows);
    ids = ids.index_select(0, rows);
  };
  write(3);
  select({2, 0, 0, 1});  // reordered and repeated, as beams are
  write(3);
  select({3, 1});  // dropped, as finished rows are
  write(8);
  select({0, 0, 0, 1, 1, 1});  // forked behind a past that is long enough to be shared
  write(2);
  select({5, 0, 1, 1});  // unequally many of each
  write(2);
  select({1, 2});  // the second source is gone
  write(14);       // the cache grows after a selection
}

TEST_F(QFormerDecoderTest, ABatchEqualsSingles) {
  QFormerDecoder all(model_, queries(image_), kDec);
  std::vector<at::Tensor> batch = {all.start()};
  for (int64_t t = 1; t < 5; ++t) batch.push_back(all.step(ids_.select(1, t)));
  for (int64_t row = 0; row < kRows; ++row) {
    QFormerDecoder one(model_, queries(image_.narrow(0, row, 1)), kDec);
    for (int64_t t = 0; t < 5; ++t) {
      const at::Tensor found = t == 0 ? one.start() : one.step(ids_.narrow(0, row, 1).select(1, t));
      const at::Tensor expected = batch[static_cast<size_t>(t)].narrow(0, row, 1);
      EXPECT_LT(relative_difference(found, expected), 1e-5) << row << " " << t;
    }
  }
}

TEST_F(QFormerDecoderTest, ATrainedModelWritesWithoutAGraph) {
  set_trainable(named_tensors(model_), true);
  QFormerDecoder decoder(model_, queries(image_), kDec);
  EXPECT_FALSE(decoder.start().requires_grad());
  EXPECT_FALSE(decoder.step(ids_.select(1, 1)).requires_grad());
}

}  // namespace
}  // namespace blip2
