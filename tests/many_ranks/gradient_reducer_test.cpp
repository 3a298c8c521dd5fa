// The mean of gradients over several processes: right, in the background, and while the backward
// pass still runs.
#include "blip2/ranks/gradient_reducer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "tests/many_ranks/ranks.h"

namespace blip2 {
namespace {

using testing::numbers;
using testing::ranks;

/// A chain of layers x -> x W0 W1 ... ; the last one is not always used.
struct Chain {
  std::vector<at::Tensor> weights;

  explicit Chain(int64_t layers) {
    for (int64_t i = 0; i < layers; ++i) {
      weights.push_back(numbers({6, 6}, "weight", i, at::kDouble) * 0.4);
      weights.back().requires_grad_(true);
    }
  }
  std::vector<NamedTensor> named() {
    std::vector<NamedTensor> all;
    for (size_t i = 0; i < weights.size(); ++i) {
      all.push_back({"w" + std::to_string(i), &weights[i]});
    }
    return all;
  }
  at::Tensor loss(const at::Tensor& input, size_t used) const {
    at::Tensor x = input;
    for (size_t i = 0; i < used; ++i) x = at::matmul(x, weights[i]).tanh();
    return x.square().sum();
  }
  void zero_grad() {
    for (at::Tensor& weight : weights) weight.mutable_grad() = at::Tensor();
  }
};

at::Tensor input(int64_t rank, int64_t batch) {
  return numbers({5, 6}, "input", 10 * rank + batch, at::kDouble);
}

/// `used`: layers that rank r uses in batch b.
void expect_mean_gradients(int64_t num_batches, int64_t bucket_bytes,
                           const std::function<size_t(int64_t r, int64_t b)>& used) {
  Chain chain(5), alone(5);
  GradientReducer reducer(chain.named(), ranks(), bucket_bytes);
  for (int step = 0; step < 3; ++step) {  // the second one has the order of the first
    chain.zero_grad();
    alone.zero_grad();
    for (int64_t b = 0; b < num_batches; ++b) {
      if (b == num_batches - 1) reducer.start();
      chain.loss(input(ranks().rank(), b), used(ranks().rank(), b)).backward();
    }
    reducer.finish();
    for (int64_t r = 0; r < ranks().world_size(); ++r) {
      for (int64_t b = 0; b < num_batches; ++b) {
        const double share = 1.0 / static_cast<double>(ranks().world_size());
        (alone.loss(input(r, b), used(r, b)) * share).backward();
      }
    }
    for (size_t i = 0; i < alone.weights.size(); ++i) {
      SCOPED_TRACE(::testing::Message() << "weight " << i << ", step " << step);
      const at::Tensor& found = chain.weights[i].grad();
      const at::Tensor& expected = alone.weights[i].grad();
      ASSERT_EQ(found.defined(), expected.defined());
      if (!found.defined()) continue;
      EXPECT_LT((found - expected).abs().max().item<double>(), 1e-12);
    }
  }
}

TEST(GradientReducer, ComputesTheMeanOverRanks) {
  for (const int64_t bucket_bytes : {1, 600, 1 << 20}) {
    expect_mean_gradients(1, bucket_bytes, [](int64_t, int64_t) { return 5; });
  }
}

TEST(GradientReducer, ComputesTheMeanOfAccumulatedBatches) {
  expect_mean_gradients(3, 600, [](int64_t, int64_t) { return 5; });
}

TEST(GradientReducer, AMissingGradientCountsAsZero) {
  // Layer 4 is used by nobody, layer 3 by rank 0 in the first batch only, layer 2 by rank 1 alone.
  expect_mean_gradients(2, 600, [](int64_t r, int64_t b) -> size_t {
    if (r == 0) return b == 0 ? 4 : 2;
    return r == 1 ? 3 : 2;
  });
}

/// Counts the sums that were started.
class Counting final : public Communicator {
 public:
  explicit Counting(Communicator& inner)
      : Communicator(inner.rank(), inner.world_size()), inner_(inner) {}
  std::future<void> start_sum(at::Tensor tensor) override {
    ++num_sums;
    return inner_.start_sum(std::move(tensor));
  }
  at::Tensor all_gather(const at::Tensor& tensor) override { return inner_.all_gather(tensor); }
  at::Tensor exchange_rows(const at::Tensor& rows, const RowCounts& counts) override {
    return inner_.exchange_rows(rows, counts);
  }
  void abandon(const Error& error) override { inner_.abandon(error); }

  int64_t num_sums = 0;

 private:
  Communicator& inner_;
};

TEST(GradientReducer, SumsWhileTheBackwardPassStillRuns) {
  Chain chain(5);
  Counting counting(ranks());
  GradientReducer reducer(chain.named(), counting, 1);  // a bucket for each weight
  std::vector<int64_t> started;  // when the gradient of each layer's input came
  for (int step = 0; step < 2; ++step) {
    chain.zero_grad();
    started.clear();
    counting.num_sums = 0;
    at::Tensor x = input(ranks().rank(), 0);
    x.requires_grad_(true);
    at::Tensor hidden = x;
    for (const at::Tensor& weight : chain.weights) {
      hidden.register_hook([&](const at::Tensor&) { started.push_back(counting.num_sums); });
      hidden = at::matmul(hidden, weight);
    }
    reducer.start();
    hidden.square().sum().backward();
    ASSERT_EQ(started.size(), 5u);
    EXPECT_GE(started[4], 4);  // the first layer's own gradient may come just after
    EXPECT_GE(started[2], 2);
    EXPECT_LE(started[0], 1);
    reducer.finish();
    EXPECT_EQ(reducer.num_buckets(), 5);
    EXPECT_EQ(reducer.num_started_early(), 5);
    EXPECT_EQ(counting.num_sums, 5);
  }
}

TEST(GradientReducer, LearnsTheOrderOfTheGradients) {
  // Visited from the output on: the guess of the first step is wrong, and one bucket waits for all.
  Chain chain(5);
  std::vector<NamedTensor> named = chain.named();
  std::reverse(named.begin(), named.end());
  Counting counting(ranks());
  GradientReducer reducer(named, counting, 1);
  std::vector<int64_t> in_time;
  for (int step = 0; step < 2; ++step) {
    chain.zero_grad();
    counting.num_sums = 0;
    at::Tensor x = input(ranks().rank(), 0);
    at::Tensor middle;
    for (size_t i = 0; i < 5; ++i) {
      x = at::matmul(x, chain.weights[i]);
      if (i == 0) middle = x;
    }
    middle.register_hook([&](const at::Tensor&) { in_time.push_back(counting.num_sums); });
    reducer.start();
    x.square().sum().backward();
    reducer.finish();
  }
  EXPECT_EQ(in_time[0], 0);
  EXPECT_GE(in_time[1], 3);
}

}  // namespace
}  // namespace blip2
