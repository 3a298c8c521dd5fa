// The losses and the negatives against their formulae (section 3.2; LAVIS's repository,
// models/blip2_models/blip2_qformer.py) in plain loops, and their gradients against finite
// differences in float64.
#include "blip2/train/objectives.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

namespace blip2 {
namespace {

using Matrix = std::vector<std::vector<double>>;

Matrix rows_of(const at::Tensor& x) {
  Matrix rows;
  for (int64_t i = 0; i < x.size(0); ++i) {
    rows.emplace_back();
    for (int64_t j = 0; j < x.size(1); ++j) {
      rows.back().push_back(x[i][j].to(at::kDouble).item<double>());
    }
  }
  return rows;
}

/// Smoothed cross-entropy of one row over the columns that `keep` allows.
double row_loss(const std::vector<double>& row, size_t target, double smoothing,
                const std::vector<bool>& keep) {
  double total = 0, count = 0;
  for (size_t j = 0; j < row.size(); ++j) {
    if (keep[j]) total += std::exp(row[j]), ++count;
  }
  double loss = 0;
  for (size_t j = 0; j < row.size(); ++j) {
    if (!keep[j]) continue;
    const double weight = (j == target ? 1 - smoothing : 0.0) + smoothing / count;
    loss -= weight * (row[j] - std::log(total));
  }
  return loss;
}

double contrastive_by_loops(const Matrix& a, const Matrix& b, size_t first,
                            const Matrix& excluded) {
  double loss = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    std::vector<bool> keep;
    for (size_t j = 0; j < a[i].size(); ++j) keep.push_back(excluded[i][j] == 0);
    loss += row_loss(a[i], first + i, 0.1, keep) + row_loss(b[i], first + i, 0.1, keep);
  }
  return 0.5 * loss / static_cast<double>(a.size());
}

/// Compares autograd with central differences, element by element.
void expect_gradient(const std::function<at::Tensor(const at::Tensor&)>& loss, at::Tensor x) {
  ASSERT_EQ(x.scalar_type(), at::kDouble);
  x.set_requires_grad(true);
  loss(x).backward();
  const at::Tensor gradient = x.grad().clone();
  const at::NoGradGuard no_grad;
  at::Tensor flat = x.detach().view(-1);
  for (int64_t i = 0; i < flat.numel(); ++i) {
    const double value = flat[i].item<double>(), h = 1e-6;
    flat[i].fill_(value + h);
    const double above = loss(x).item<double>();
    flat[i].fill_(value - h);
    const double below = loss(x).item<double>();
    flat[i].fill_(value);
    EXPECT_NEAR(gradient.view(-1)[i].item<double>(), (above - below) / (2 * h), 1e-7) << i;
  }
}

at::Tensor some_exclusions() {  // [3, 5], own columns 1, 2, 3
  at::Tensor excluded = at::zeros({3, 5}, at::kBool);
  excluded[0][3].fill_(true);
  excluded[0][4].fill_(true);
  excluded[2][0].fill_(true);
  return excluded;
}

TEST(Objectives, ContrastiveLossIsTheFormula) {
  const at::Tensor a = at::randn({3, 5}, at::kDouble) * 3, b = at::randn({3, 5}, at::kDouble) * 3;
  const Matrix none(3, std::vector<double>(5, 0));
  EXPECT_NEAR(contrastive_loss(a, b, {1, {}}).item<double>(),
              contrastive_by_loops(rows_of(a), rows_of(b), 1, none), 1e-12);
  const at::Tensor excluded = some_exclusions();
  EXPECT_NEAR(contrastive_loss(a, b, {1, excluded}).item<double>(),
              contrastive_by_loops(rows_of(a), rows_of(b), 1, rows_of(excluded)), 1e-12);
}

TEST(Objectives, ContrastiveGradient) {
  const at::Tensor b = at::randn({3, 5}, at::kDouble);
  for (const at::Tensor& excluded : {at::Tensor(), some_exclusions()}) {
    expect_gradient([&](const at::Tensor& a) { return contrastive_loss(a, b, {1, excluded}); },
                    at::randn({3, 5}, at::kDouble));
    expect_gradient([&](const at::Tensor& a) { return contrastive_loss(b, a, {1, excluded}); },
                    at::randn({3, 5}, at::kDouble));
  }
}

TEST(Objectives, HardNegativesFollowTheSoftmaxWithoutTheOwnPair) {
  const at::Tensor similarity = at::randn({3, 5}) * 2;
  const at::Tensor excluded = some_exclusions();
  const Matrix weights = rows_of(negative_weights(similarity, {1, excluded}, Negatives::kHard));
  const Matrix values = rows_of(similarity), barred = rows_of(excluded);
  for (size_t i = 0; i < 3; ++i) {
    double total = 0;
    for (size_t j = 0; j < 5; ++j) {
      if (j != i + 1 && barred[i][j] == 0) total += std::exp(values[i][j]);
    }
    for (size_t j = 0; j < 5; ++j) {
      const bool out = j == i + 1 || barred[i][j] != 0;
      EXPECT_NEAR(weights[i][j], out ? 0.0 : std::exp(values[i][j]) / total, 1e-6);
    }
  }
}

TEST(Objectives, UniformNegatives) {
  const Matrix weights =
      rows_of(negative_weights(at::randn({3, 5}), {1, some_exclusions()}, Negatives::kUniform));
  const double left[] = {2, 4, 3};
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 5; ++j) {
      const bool out = weights[i][j] == 0;
      EXPECT_EQ(out, j == i + 1 || (i == 0 && j >= 3) || (i == 2 && j == 0));
      if (!out) {
        EXPECT_NEAR(weights[i][j], 1 / left[i], 1e-6);
      }
    }
  }
}

TEST(Objectives, ARowWithoutNegativesDrawsFromAllOtherColumns) {
  at::Tensor excluded = at::zeros({2, 2}, at::kBool);
  excluded[0][1].fill_(true);
  const Matrix weights =
      rows_of(negative_weights(at::randn({2, 2}), {0, excluded}, Negatives::kHard));
  EXPECT_NEAR(weights[0][1], 1.0, 1e-6);
  EXPECT_NEAR(weights[1][0], 1.0, 1e-6);
}

TEST(Objectives, DrawsFollowTheWeights) {
  const at::Tensor weights = at::tensor({0.0, 0.25, 0.0, 0.75}, at::kFloat).view({1, 4});
  const auto draw = [&](double u) { return draw_columns(weights, {u})[0].item<int64_t>(); };
  EXPECT_EQ(draw(0.0), 1);
  EXPECT_EQ(draw(0.2499), 1);
  EXPECT_EQ(draw(0.2501), 3);
  EXPECT_EQ(draw(0.999999), 3);
}

TEST(Objectives, MatchingLossIsTheFormulaAndItsGradientHolds) {
  const at::Tensor logits = at::randn({4, 2}, at::kDouble);
  const at::Tensor labels = at::tensor({1, 0, 0, 1}, at::kLong);
  double expected = 0;
  const Matrix rows = rows_of(logits);
  for (size_t i = 0; i < 4; ++i) {
    expected +=
        row_loss(rows[i], static_cast<size_t>(labels[static_cast<int64_t>(i)].item<int64_t>()), 0.0,
                 {true, true}) /
        4;
  }
  EXPECT_NEAR(matching_loss(logits, labels).item<double>(), expected, 1e-12);
  expect_gradient([&](const at::Tensor& x) { return matching_loss(x, labels); },
                  at::randn({4, 2}, at::kDouble));
}

TEST(Objectives, QuerySimilarityIsTheFormulaAndItsGradientHolds) {
  const at::Tensor queries = at::randn({2, 3, 4}, at::kDouble);
  double expected = 0;
  for (int64_t b = 0; b < 2; ++b) {
    const Matrix rows = rows_of(queries[b]);
    const auto dot = [&](size_t i, size_t j) {
      double sum = 0;
      for (size_t k = 0; k < 4; ++k) sum += rows[i][k] * rows[j][k];
      return sum;
    };
    for (size_t i = 0; i < 3; ++i) {
      for (size_t j = 0; j < 3; ++j) {
        if (i != j) expected += dot(i, j) * dot(i, j) / (dot(i, i) * dot(j, j)) / 12;
      }
    }
  }
  EXPECT_NEAR(query_similarity(queries).item<double>(), expected, 1e-12);
  expect_gradient([](const at::Tensor& x) { return query_similarity(x); },
                  at::randn({2, 3, 4}, at::kDouble));
}

TEST(Objectives, QuerySimilarityOfEqualQueriesIsOne) {
  const at::Tensor one = at::randn({2, 1, 4}, at::kDouble);
  EXPECT_NEAR(query_similarity(one.expand({2, 3, 4})).item<double>(), 1.0, 1e-12);
  EXPECT_EQ(query_similarity(one).item<double>(), 0.0);
}

TEST(Objectives, LanguageModellingLossIsTheFormulaAndItsGradientHolds) {
  const at::Tensor targets = at::tensor({2, 0, 6}, at::kLong);
  for (const double smoothing : {0.0, 0.1}) {
    const at::Tensor logits = at::randn({3, 7}, at::kDouble);
    const Matrix rows = rows_of(logits);
    double expected = 0;
    for (size_t i = 0; i < 3; ++i) {
      expected +=
          row_loss(rows[i], static_cast<size_t>(targets[static_cast<int64_t>(i)].item<int64_t>()),
                   smoothing, std::vector<bool>(7, true)) /
          3;
    }
    EXPECT_NEAR(language_modelling_loss(logits, targets, smoothing).item<double>(), expected,
                1e-12);
    expect_gradient(
        [&](const at::Tensor& x) { return language_modelling_loss(x, targets, smoothing); },
        at::randn({3, 7}, at::kDouble));
  }
}

// LAVIS's repository, models/blip2_models/blip2_qformer.py, with image_id: targets are the
// pictures' equality, row-normalised, times 0.9, plus 0.1/N.
TEST(Objectives, CaptionsOfOnePictureShareTheTarget) {
  const std::vector<int> rows = {7, 5},
                         columns = {5, 7, 7, 5, 9};  // rank 1 of batches of two: 2, 3
  at::Tensor same = at::zeros({2, 5}, at::kBool);
  for (int64_t i = 0; i < 2; ++i) {
    for (int64_t j = 0; j < 5; ++j) {
      same[i][j].fill_(rows[static_cast<size_t>(i)] == columns[static_cast<size_t>(j)]);
    }
  }
  const at::Tensor a = at::randn({2, 5}, at::kDouble), b = at::randn({2, 5}, at::kDouble);
  double expected = 0;
  for (const Matrix& similarity : {rows_of(a), rows_of(b)}) {
    for (size_t i = 0; i < 2; ++i) {
      double total = 0;
      for (const double value : similarity[i]) total += std::exp(value);
      for (size_t j = 0; j < 5; ++j) {
        const double target = (rows[i] == columns[j] ? 0.9 / 2 : 0) + 0.1 / 5;
        expected -= target * (similarity[i][j] - std::log(total)) / 4;
      }
    }
  }
  EXPECT_NEAR(contrastive_loss(a, b, {2, {}, same}).item<double>(), expected, 1e-12);
  expect_gradient([&](const at::Tensor& x) { return contrastive_loss(x, b, {2, {}, same}); },
                  at::randn({2, 5}, at::kDouble));
}

TEST(Objectives, OnePicturePerRowIsThePlainLoss) {
  const at::Tensor a = at::randn({3, 6}, at::kDouble), b = at::randn({3, 6}, at::kDouble);
  at::Tensor own = at::zeros({3, 6}, at::kBool);
  for (int64_t i = 0; i < 3; ++i) own[i][3 + i].fill_(true);
  EXPECT_NEAR(contrastive_loss(a, b, {3, {}, own}).item<double>(),
              contrastive_loss(a, b, {3, {}}).item<double>(), 1e-12);
}

TEST(Objectives, PositivesAreNeverNegatives) {
  const at::Tensor similarity = at::randn({2, 4}, at::kDouble);
  const at::Tensor same = at::tensor({1, 0, 1, 0, 0, 1, 0, 0}, at::kInt).view({2, 4}).to(at::kBool);
  for (const Negatives kind : {Negatives::kHard, Negatives::kUniform}) {
    const at::Tensor weights = negative_weights(similarity, {0, {}, same}, kind);
    EXPECT_EQ(weights[0][2].item<double>(), 0);
    EXPECT_GT(weights[1][2].item<double>(), 0);
    EXPECT_NEAR(weights.sum().item<double>(), 2, 1e-12);
  }
}

}  // namespace
}  // namespace blip2
