// The collectives of several processes against the same sums and stacks made by one.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "blip2/ranks/gather.h"
#include "tests/many_ranks/ranks.h"

namespace blip2 {
namespace {

using testing::numbers;
using testing::ranks;

/// Ranks come at different times.
void come_late(int64_t milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds * ranks().rank()));
}

TEST(Communicator, SumsInRankOrder) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kLong}) {
    for (const int64_t size : {1, 2, 7, 1024, 1025, 4099, 300'001}) {
      SCOPED_TRACE(::testing::Message() << size << " of " << type);
      at::Tensor expected = numbers({size}, "sum", 0, type);
      for (int64_t r = 1; r < ranks().world_size(); ++r)
        expected += numbers({size}, "sum", r, type);
      at::Tensor sum = numbers({size}, "sum", ranks().rank(), type);
      come_late(5);
      ranks().all_reduce_sum_(sum);
      EXPECT_TRUE(at::equal(sum, expected));
    }
  }
}

TEST(Communicator, SumsOfMatricesStayMatrices) {
  at::Tensor sum = at::full({3, 500, 2}, static_cast<double>(ranks().rank() + 1));
  ranks().all_reduce_sum_(sum);
  const int64_t w = ranks().world_size();
  EXPECT_EQ(sum.sizes(), at::IntArrayRef({3, 500, 2}));
  EXPECT_TRUE((sum == static_cast<double>(w * (w + 1) / 2)).all().item<bool>());
}

TEST(Communicator, GathersInRankOrder) {
  std::vector<at::Tensor> all;
  for (int64_t r = 0; r < ranks().world_size(); ++r) {
    all.push_back(numbers({4, 3, 5}, "gather", r, at::kFloat));
  }
  come_late(5);
  const at::Tensor own = all[static_cast<size_t>(ranks().rank())];
  EXPECT_TRUE(at::equal(ranks().all_gather(own), at::cat(all)));
}

TEST(Communicator, ExchangesRows) {
  // Rank a sends a + 2 b rows to rank b: numbers (a, b, i).
  const auto rows = [](int64_t a, int64_t b) {
    return 100 * a + 10 * b + at::arange(a + 2 * b, at::kLong).unsqueeze(1).expand({-1, 3});
  };
  const int64_t w = ranks().world_size(), own = ranks().rank();
  Communicator::RowCounts counts;
  std::vector<at::Tensor> sent, expected;
  for (int64_t r = 0; r < w; ++r) {
    counts.send.push_back(own + 2 * r);
    counts.receive.push_back(r + 2 * own);
    sent.push_back(rows(own, r));
    expected.push_back(rows(r, own));
  }
  EXPECT_TRUE(at::equal(ranks().exchange_rows(at::cat(sent), counts), at::cat(expected)));
}

TEST(Communicator, ASumInTheBackgroundDelaysNoOtherOperation) {
  at::Tensor sum = numbers({200'000}, "background", 0, at::kDouble);
  const at::Tensor expected = sum * ranks().world_size();
  std::future<void> done;
  if (ranks().rank() == 0) done = ranks().start_sum(sum);
  for (int64_t i = 0; i < 20; ++i) {
    const at::Tensor all = ranks().all_gather(at::full({1}, i, at::kLong));
    EXPECT_TRUE((all == i).all().item<bool>());
  }
  if (ranks().rank() != 0) done = ranks().start_sum(sum);
  done.get();
  EXPECT_LT((sum - expected).abs().max().item<double>(), 1e-12);
}

TEST(Communicator, ManySumsAtOnceKeepTheirOrder) {
  std::vector<at::Tensor> sums;
  std::vector<std::future<void>> done;
  for (int64_t i = 0; i < 100; ++i) {  // of unlike sizes, which come to the ranks at unlike times
    sums.push_back(at::full({(i * 7919) % 30011 + 1}, static_cast<double>(i), at::kDouble));
    done.push_back(ranks().start_sum(sums.back()));
    if (i % 10 == ranks().rank()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  for (size_t i = 0; i < sums.size(); ++i) {
    done[i].get();
    const double expected = static_cast<double>(i) * static_cast<double>(ranks().world_size());
    EXPECT_TRUE((sums[i] == expected).all().item<bool>());
  }
}

/// The own part of the gradient of the sum of all ranks' losses, where rank r's loss is a weighted
/// sum of rows of what all own: by one process that has everything.
class GradientAcrossRanks : public ::testing::Test {
 protected:
  static constexpr int64_t kOwn = 3;
  void SetUp() override {
    for (int64_t r = 0; r < ranks().world_size(); ++r) {
      all_.push_back(numbers({kOwn, 4}, "own", r, at::kDouble));
    }
    own_ = all_[static_cast<size_t>(ranks().rank())].clone();
    own_.requires_grad_(true);
    everything_ = at::cat(all_);
    everything_.requires_grad_(true);
  }
  at::Tensor expected() { return everything_.grad().narrow(0, ranks().rank() * kOwn, kOwn); }
  std::vector<at::Tensor> all_;
  at::Tensor own_, everything_;
};

TEST_F(GradientAcrossRanks, GatheredRowsGetTheirSum) {
  const auto weights = [&](int64_t r) {
    return numbers({kOwn * ranks().world_size(), 4}, "weights", r, at::kDouble);
  };
  const at::Tensor gathered = gather_with_gradient(own_, ranks());
  EXPECT_TRUE(at::equal(gathered, everything_));
  (gathered.square() * weights(ranks().rank())).sum().backward();
  for (int64_t r = 0; r < ranks().world_size(); ++r) {
    (everything_.square() * weights(r)).sum().backward();
  }
  EXPECT_LT((own_.grad() - expected()).abs().max().item<double>(), 1e-12);
}

TEST_F(GradientAcrossRanks, FetchedRowsGetTheirSum) {
  // Each rank wants five rows: some of its own, some of others, one of them twice.
  const int64_t n = kOwn * ranks().world_size();
  const auto wanted = [&](int64_t r) {
    at::Tensor rows = (at::arange(5, at::kLong) * (r + 2) + r).remainder(n);
    rows[4] = rows[0];
    return rows.to(testing::device());
  };
  const auto weights = [&](int64_t r) { return numbers({5, 4}, "weights", r, at::kDouble); };
  const at::Tensor scaled = own_ * 2;  // not a leaf
  const at::Tensor fetched = fetch_rows(scaled, wanted(ranks().rank()), ranks());
  EXPECT_TRUE(at::equal(fetched, (everything_ * 2).index_select(0, wanted(ranks().rank()))));
  // The own rows take part on their own account too.
  ((fetched.square() * weights(ranks().rank())).sum() + scaled.sum()).backward();
  for (int64_t r = 0; r < ranks().world_size(); ++r) {
    ((everything_ * 2).index_select(0, wanted(r)).square() * weights(r)).sum().backward();
  }
  (everything_ * 2).sum().backward();
  EXPECT_LT((own_.grad() - expected()).abs().max().item<double>(), 1e-12);
}

TEST_F(GradientAcrossRanks, RowsThatNoRankFetchesGetZero) {
  const at::Tensor fetched =
      fetch_rows(own_, at::full({2}, 1, at::kLong).to(testing::device()), ranks());
  fetched.sum().backward();
  const double expected_gradient =
      ranks().rank() == 0 ? 2.0 * static_cast<double>(ranks().world_size()) : 0.0;
  EXPECT_EQ(own_.grad()[1][0].item<double>(), expected_gradient);
  EXPECT_EQ(own_.grad()[0][0].item<double>(), 0);
}

TEST(Gather, PadsToTheLongestRank) {
  const int64_t w = ranks().world_size(), own = ranks().rank();
  const at::Tensor all = gather_padded(at::full({2, own + 1}, own + 5, at::kLong), 9, ranks());
  ASSERT_EQ(all.sizes(), at::IntArrayRef({2 * w, w}));
  for (int64_t r = 0; r < w; ++r) {
    for (int64_t t = 0; t < w; ++t) {
      EXPECT_EQ(all[2 * r + 1][t].item<int64_t>(), t <= r ? r + 5 : 9);
    }
  }
}

TEST(Gather, AGlobalMeanWeightsTokensEqually) {
  // Rank r has r + 1 tokens, each of value r: the mean of the ranks' means, weighed.
  const auto r = static_cast<double>(ranks().rank());
  at::Tensor mean = at::full({1}, r * global_mean_factor(ranks().rank() + 1, ranks()), at::kDouble);
  ranks().all_reduce_sum_(mean);
  double sum = 0, count = 0;
  for (int64_t i = 0; i < ranks().world_size(); ++i) {
    sum += static_cast<double>(i * (i + 1));
    count += static_cast<double>(i + 1);
  }
  EXPECT_NEAR(mean.item<double>() / static_cast<double>(ranks().world_size()), sum / count, 1e-12);
}

}  // namespace
}  // namespace blip2
