// A product of few rows with a large matrix, as writing token by token has it: ours against the
// matrix library's. Arguments: rows. Weights are those of a text decoder of BERT's size (500 MB),
// so that none is still in a cache when its turn comes again.
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <benchmark/benchmark.h>

#include <map>
#include <vector>

#include "blip2/nn/few_rows_linear.h"

namespace blip2 {
namespace {

const std::vector<at::Tensor>& weights() {
  static const std::vector<at::Tensor> all = [] {
    std::vector<at::Tensor> made;
    for (int layer = 0; layer < 12; ++layer) {
      for (int i = 0; i < 6; ++i) made.push_back(at::randn({768, 768}));
      made.push_back(at::randn({3072, 768}));
      made.push_back(at::randn({768, 3072}));
    }
    made.push_back(at::randn({30524, 768}));
    return made;
  }();
  return all;
}

template <typename Linear>
void measure(benchmark::State& state, Linear linear) {
  const at::NoGradGuard no_grad;
  at::set_num_threads(1);
  std::map<int64_t, at::Tensor> rows;
  for (const int64_t width : {768, 3072}) rows[width] = at::randn({state.range(0), width});
  const std::vector<at::Tensor>& all = weights();
  for (auto _ : state) {
    for (const at::Tensor& weight : all) {
      benchmark::DoNotOptimize(linear(rows.at(weight.size(1)), weight));
    }
  }
}

void few_rows(benchmark::State& state) { measure(state, few_rows_linear); }
void matrix_library(benchmark::State& state) {
  measure(state,
          [](const at::Tensor& x, const at::Tensor& weight) { return at::linear(x, weight); });
}
BENCHMARK(few_rows)->ArgsProduct({{1, 2, 4, 8, 10, 16, 40, 64}})->Unit(benchmark::kMillisecond);
BENCHMARK(matrix_library)
    ->ArgsProduct({{1, 2, 4, 8, 10, 16, 40, 64}})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace blip2

BENCHMARK_MAIN();
