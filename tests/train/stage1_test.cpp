// A stage-1 step's losses against the same step written out with the model's passes:
// which side ITC's gradient reaches, and which pairs ITM is computed for.
#include "blip2/train/stage1.h"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>

#include "blip2/base/random.h"
#include "blip2/nn/autocast.h"
#include "blip2/train/optimizer.h"
#include "tests/support/tiny/models.h"
#include "tests/train/graph.h"

namespace blip2 {
namespace {

constexpr int64_t kBatch = 5;

class Stage1LossesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    model_ = make_stage1(testing::tiny_stage1_config());
    Random random(3, "model");
    initialise(model_, random);
    set_trainable(named_tensors(model_), true);
    Random data(4, "data");
    embeds_ = at::ones({kBatch, 6, 9});
    fill_normal(embeds_, 1.0, data);
    std::vector<int64_t> ids;
    for (int64_t i = 0; i < kBatch * 5; ++i) ids.push_back(static_cast<int64_t>(data.below(39)));
    texts_.ids = at::tensor(at::ArrayRef<int64_t>(ids), at::kLong).view({kBatch, 5});
    texts_.mask = at::ones({kBatch, 5}, at::kLong);
    for (int64_t row = 0; row < kBatch; ++row)
      texts_.mask[row].narrow(0, 2 + row % 4, 3 - row % 4).fill_(0);
    options_.dec_id = 39;
    options_.seed = 11;
    options_.step = 2;
  }

  Stage1Losses losses() {
    return stage1_losses(model_, embeds_, texts_, {}, communicator_, options_);
  }

  at::Tensor gradient(const at::Tensor& loss, at::Tensor& parameter) {
    parameter.mutable_grad() = at::Tensor();
    loss.backward();
    return parameter.grad().clone();
  }

  /// Similarities of the batch, the compared side detached or not.
  at::Tensor itc(bool detached) {
    const at::Tensor image = encode_image(model_, embeds_).projected;
    const at::Tensor text = encode_text(model_, pack_text(texts_.ids, texts_.mask));
    const auto other = [&](const at::Tensor& x) { return detached ? x.detach() : x; };
    return contrastive_loss(best_query_similarity(image, other(text)) / model_.temperature,
                            best_query_similarity(other(image), text).t() / model_.temperature, {});
  }

  /// ITM of the first `rows` rows, drawn by the streams that the step documents.
  double itm(int64_t rows, double hard_share) {
    const at::NoGradGuard no_grad;
    const ImageFeatures image = encode_image(model_, embeds_);
    const at::Tensor text = encode_text(model_, pack_text(texts_.ids, texts_.mask));
    const at::Tensor similarity = best_query_similarity(image.projected, text) / model_.temperature;
    const auto negatives = [&](const at::Tensor& scores, const char* purpose) {
      std::vector<int64_t> drawn;
      for (int64_t row = 0; row < rows; ++row) {
        double total = 0, uniform_total = kBatch - 1;
        for (int64_t j = 0; j < kBatch; ++j) {
          if (j != row) total += std::exp(scores[row][j].item<double>());
        }
        Random random(options_.seed, purpose, static_cast<uint64_t>(options_.step),
                      static_cast<uint64_t>(row));
        double left = random.uniform();
        int64_t chosen = row;
        for (int64_t j = 0; j < kBatch && left >= 0; ++j) {
          if (j == row) continue;
          left -= hard_share * std::exp(scores[row][j].item<double>()) / total +
                  (1 - hard_share) / uniform_total;
          chosen = j;
        }
        drawn.push_back(chosen);
      }
      return at::tensor(at::ArrayRef<int64_t>(drawn), at::kLong);
    };
    std::vector<int64_t> own_rows;
    for (int64_t row = 0; row < rows; ++row) own_rows.push_back(row);
    const at::Tensor own = at::tensor(at::ArrayRef<int64_t>(own_rows), at::kLong);
    const at::Tensor images = at::cat({own, negatives(similarity.t(), "negative image"), own});
    const at::Tensor captions = at::cat({own, own, negatives(similarity, "negative text")});
    const at::Tensor logits = match_logits(
        model_, select_rows(image.key_values, images),
        pack_text(texts_.ids.index_select(0, captions), texts_.mask.index_select(0, captions)));
    double loss = 0;
    for (int64_t i = 0; i < 3 * rows; ++i) {
      const double no = logits[i][0].item<double>(), yes = logits[i][1].item<double>();
      loss += std::log(std::exp(no) + std::exp(yes)) - (i < rows ? yes : no);
    }
    return loss / static_cast<double>(3 * rows);
  }

  Stage1 model_;
  at::Tensor embeds_;  // [B, P, Dv]
  TokenBatch texts_;
  SingleProcess communicator_;
  Stage1Options options_;
};

TEST_F(Stage1LossesTest, ItcHasNoGradientThroughGatheredFeaturesAsInLavis) {
  const at::Tensor found = gradient(losses().itc, model_.text_projection.weight);
  const at::Tensor expected = gradient(itc(true), model_.text_projection.weight);
  EXPECT_LT((found - expected).abs().max().item<double>(),
            1e-5 * expected.abs().max().item<double>());
  const at::Tensor both = gradient(itc(false), model_.text_projection.weight);
  EXPECT_GT((found - both).abs().max().item<double>(), 0.01 * both.abs().max().item<double>());
}

TEST_F(Stage1LossesTest, ItcHasGradientsOnBothSidesIfAskedFor) {
  options_.itc_both_sides = true;
  for (at::Tensor* parameter : {&model_.text_projection.weight, &model_.vision_projection.weight}) {
    const at::Tensor found = gradient(losses().itc, *parameter);
    const at::Tensor expected = gradient(itc(false), *parameter);
    EXPECT_LT((found - expected).abs().max().item<double>(),
              1e-5 * expected.abs().max().item<double>());
  }
}

TEST_F(Stage1LossesTest, ItmUsesTheDrawnPairs) {
  for (const double hard_share : {0.0, 0.4, 1.0}) {
    for (const auto& [share, rows] : {std::pair{1.0, 5}, {0.5, 3}, {0.4, 2}, {0.01, 1}}) {
      SCOPED_TRACE(::testing::Message() << hard_share << " hard, of " << share);
      options_.hard_share = hard_share;
      options_.itm_share = share;
      EXPECT_NEAR(losses().itm.item<double>(), itm(rows, hard_share), 1e-5);
    }
  }
}

TEST_F(Stage1LossesTest, AStepProjectsAPicturesKeysOnce) {
  const Stage1Losses all = losses();
  const at::Tensor total = all.itc + all.itm + all.itg;
  for (const QFormerLayer& layer : model_.qformer.layers) {
    // Alone, as text, as both together, and as what comes after both: ITG has the queries' own.
    EXPECT_EQ(testing::count_uses(total, layer.self_attention.key.weight), 4);
    if (!layer.cross_attention) continue;
    EXPECT_EQ(testing::count_uses(total, layer.cross_attention->key.weight), 1);
    EXPECT_EQ(testing::count_uses(total, layer.cross_attention->value.weight), 1);
  }
}

TEST_F(Stage1LossesTest, RecomputedLayersGiveTheSameBits) {
  options_.dropout = {0.2, 0.1};
  const auto step = [&](bool recompute) {
    model_.qformer.recompute_layers = recompute;
    const std::vector<NamedTensor> parameters = named_tensors(model_);
    for (const NamedTensor& named : parameters) named.tensor->mutable_grad() = at::Tensor();
    at::manual_seed(21);
    const Stage1Losses found = losses();
    std::vector<at::Tensor> all = {found.itc.detach(), found.itm.detach(), found.itg.detach()};
    total_loss(found, {.query_similarity = 0.5}).backward();
    for (const NamedTensor& named : parameters) all.push_back(named.tensor->grad());
    return all;
  };
  const std::vector<at::Tensor> plain = step(false), again = step(true);
  EXPECT_TRUE(at::equal(plain[0], step(false)[0]));
  ASSERT_EQ(plain.size(), again.size());
  for (size_t i = 0; i < plain.size(); ++i) {
    ASSERT_EQ(plain[i].defined(), again[i].defined()) << i;
    if (!plain[i].defined()) continue;
    EXPECT_TRUE(at::equal(plain[i], again[i])) << i;
  }
}

TEST_F(Stage1LossesTest, Bfloat16IsNearAndLeavesTheWeightsFloat32) {
  const std::vector<int64_t> images = {1, 2, 3, 4, 0}, texts = {2, 3, 4, 0, 1};
  options_.negatives = MatchingNegatives{at::tensor(at::ArrayRef<int64_t>(images), at::kLong),
                                         at::tensor(at::ArrayRef<int64_t>(texts), at::kLong)};
  const Stage1Losses exact = losses();
  const auto narrow = [&] {
    const Autocast autocast(Arithmetic::kBFloat16);
    return losses();
  };
  const Stage1Losses found = narrow();
  const auto expect_near = [](const at::Tensor& a, const at::Tensor& b) {
    EXPECT_EQ(a.scalar_type(), at::kFloat);
    EXPECT_NE(a.item<double>(), b.item<double>());  // it is not the same arithmetic
    EXPECT_NEAR(a.item<double>(), b.item<double>(), 0.02 * b.item<double>());
  };
  expect_near(found.itc, exact.itc);
  expect_near(found.itm, exact.itm);
  expect_near(found.itg, exact.itg);
  expect_near(found.query_similarity, exact.query_similarity);

  model_.qformer.recompute_layers = true;
  EXPECT_EQ(narrow().itm.item<double>(), found.itm.item<double>());
  model_.qformer.recompute_layers = false;

  const std::vector<NamedTensor> parameters = named_tensors(model_);
  const at::Tensor before = model_.qformer.query_tokens.detach().clone();
  AdamW optimizer(parameters, {});
  total_loss(narrow(), {}).backward();
  optimizer.step(1e-6);  // less than a step between bfloat16 numbers
  for (const NamedTensor& named : parameters) {
    EXPECT_EQ(named.tensor->scalar_type(), at::kFloat) << named.name;
    if (named.tensor->grad().defined()) {
      EXPECT_EQ(named.tensor->grad().scalar_type(), at::kFloat) << named.name;
    }
  }
  const double moved = (model_.qformer.query_tokens - before).abs().max().item<double>();
  EXPECT_GT(moved, 0);
  EXPECT_LT(moved, 2e-6);
}

TEST_F(Stage1LossesTest, FewerItmRowsDoNotChangeTheOtherLosses) {
  const Stage1Losses all = losses();
  options_.itm_share = 0.4;
  const Stage1Losses some = losses();
  EXPECT_EQ(all.itc.item<float>(), some.itc.item<float>());
  EXPECT_EQ(all.itg.item<float>(), some.itg.item<float>());
}

}  // namespace
}  // namespace blip2
