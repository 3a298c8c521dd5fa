// The law of data parallelism for stage 1: W ranks with B pairs each are one process with W*B
// pairs. Losses, gradients and five steps of the optimiser, in float64, where it holds to rounding;
// with a trained image encoder, here one linear layer, whose gradients come from all ranks.
#include "blip2/train/stage1.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "blip2/base/random.h"
#include "blip2/ranks/gradient_reducer.h"
#include "blip2/train/optimizer.h"
#include "tests/many_ranks/ranks.h"
#include "tests/support/tiny/models.h"

namespace blip2 {
namespace {

using testing::ranks;

constexpr int64_t kBatch = 3;

struct Inputs {
  at::Tensor embeds;  // [B, P, Dv]
  TokenBatch texts;
  at::Tensor related;  // [B, N] bool
};

struct Model {
  Stage1 stage1;
  at::Tensor encoder;  // [Dv, Dv]

  Model() : stage1(make_stage1(testing::tiny_stage1_config())), encoder(at::zeros({9, 9})) {
    Random random(3, "model");
    initialise(stage1, random);
    fill_normal(encoder, 0.5, random);
    for (const NamedTensor& named : tensors()) {
      *named.tensor = named.tensor->to(testing::device(), at::kDouble);
    }
    set_trainable(tensors(), true);
  }
  std::vector<NamedTensor> tensors() {
    std::vector<NamedTensor> all = named_tensors(stage1);
    all.push_back({"vision_model.weight", &encoder});
    return all;
  }
};

/// `rows` pairs of step `step`, from `first` on in the global batch of `all`.
Inputs inputs(int64_t step, int64_t first, int64_t rows, int64_t all, bool equal_lengths) {
  Random random(4, "data", static_cast<uint64_t>(step));
  at::Tensor embeds = at::zeros({all, 6, 9});
  fill_normal(embeds, 1.0, random);
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < all * 6; ++i) ids.push_back(1 + static_cast<int64_t>(random.below(38)));
  at::Tensor mask = at::ones({all, 6}, at::kLong);
  int64_t longest = 0;
  for (int64_t row = 0; row < all; ++row) {
    const int64_t length = equal_lengths ? 4 : 3 + (row * 5 + step) % 4;
    mask[row].narrow(0, length, 6 - length).fill_(0);
    if (row >= first && row < first + rows) longest = std::max(longest, length);
  }
  const auto cut = [&](const at::Tensor& x) {  // each batch is as wide as its longest row
    return x.narrow(0, first, rows).narrow(1, 0, longest).contiguous().to(testing::device());
  };
  // Rows 1 and 4 of the global batch have one caption, say, or one picture: they are no negatives
  // of each other.
  at::Tensor related = at::zeros({all, all}, at::kBool);
  related[1][4].fill_(true);
  related[4][1].fill_(true);
  return {embeds.narrow(0, first, rows).to(testing::device(), at::kDouble),
          {cut(at::tensor(at::ArrayRef<int64_t>(ids), at::kLong).view({all, 6}) * mask), cut(mask)},
          related.narrow(0, first, rows).to(testing::device())};
}

struct Case {
  bool both_sides, global_tokens, equal_lengths;
  double hard_share;
  bool is_retrieval = false;
};

class Stage1OnRanks : public ::testing::TestWithParam<Case> {
 protected:
  Stage1Options options(int64_t step) const {
    Stage1Options options;
    options.dec_id = 39;
    options.seed = 11;
    options.step = step;
    options.itc_both_sides = GetParam().both_sides;
    options.global_token_mean = GetParam().global_tokens;
    options.hard_share = GetParam().hard_share;
    return options;
  }
  /// (ITC, ITM, ITG, ITM's accuracy), after backward().
  std::vector<double> step(Model& model, int64_t step, int64_t first, int64_t rows,
                           Communicator& communicator) {
    const int64_t all = kBatch * ranks().world_size();
    const Inputs in = inputs(step, first, rows, all, GetParam().equal_lengths);
    RelatedPairs related{in.related, {}};
    if (GetParam().is_retrieval) {
      const at::Tensor own = at::eye(all).narrow(0, first, rows).to(testing::device(), at::kBool);
      related = {{}, in.related.logical_or(own)};
    }
    const Stage1Losses losses = stage1_losses(model.stage1, at::matmul(in.embeds, model.encoder),
                                              in.texts, related, communicator, options(step));
    (losses.itc + 2 * losses.itm + losses.itg).backward();
    return {losses.itc.item<double>(), losses.itm.item<double>(), losses.itg.item<double>(),
            losses.itm_accuracy};
  }
};

TEST_P(Stage1OnRanks, EqualsOneProcessWithAllPairs) {
  const int64_t all = kBatch * ranks().world_size();
  Model ours, alone;
  const std::vector<NamedTensor> our_tensors = ours.tensors(), tensors = alone.tensors();
  AdamW our_optimizer(our_tensors, {}), optimizer(tensors, {});
  GradientReducer reducer(our_tensors, ranks(), 2000);
  SingleProcess single;
  for (int64_t step = 1; step <= 5; ++step) {
    our_optimizer.zero_grad();
    optimizer.zero_grad();
    reducer.start();
    const std::vector<double> own =
        this->step(ours, step, ranks().rank() * kBatch, kBatch, ranks());
    reducer.finish();
    const std::vector<double> expected = this->step(alone, step, 0, all, single);
    at::Tensor mean = at::tensor(at::ArrayRef<double>(own), at::kDouble);
    ranks().all_reduce_sum_(mean);
    mean /= static_cast<double>(ranks().world_size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(mean[static_cast<int64_t>(i)].item<double>(), expected[i], 1e-9)
          << "loss " << i << " of step " << step;
    }
    double largest = 0;
    for (size_t i = 0; i < tensors.size(); ++i) {
      const at::Tensor &found = our_tensors[i].tensor->grad(), &right = tensors[i].tensor->grad();
      ASSERT_EQ(found.defined(), right.defined()) << tensors[i].name;
      if (!found.defined()) continue;
      EXPECT_LT((found - right).abs().max().item<double>(), 1e-9)
          << tensors[i].name << " of step " << step;
      largest = std::max(largest, right.abs().max().item<double>());
    }
    EXPECT_GT(largest, 1e-3);
    our_optimizer.step(1e-2);
    optimizer.step(1e-2);
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_LT((*our_tensors[i].tensor - *tensors[i].tensor).abs().max().item<double>(), 1e-6)
        << tensors[i].name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Stage1OnRanks,
                         ::testing::Values(Case{false, true, false, 1},
                                           Case{false, true, false, 0.5},
                                           Case{true, true, false, 1}, Case{false, false, true, 1},
                                           Case{false, true, false, 1, true}),
                         [](const auto& test) { return "case_" + std::to_string(test.index); });

}  // namespace
}  // namespace blip2
