// A product of few rows with a large matrix, as writing token by token has it: ours against the
// matrix library's. Arguments: rows. Weights are those of a text decoder of BERT's size (500 MB in
// float32), so that none is still in a cache when its turn comes again. In bfloat16 ours has
// float32 rows and arithmetic, the library's has bfloat16 rows and the processor's own arithmetic.
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

std::vector<at::Tensor> make_weights(at::ScalarType type) {
  std::vector<at::Tensor> made;
  for (int layer = 0; layer < 12; ++layer) {
    for (int i = 0; i < 6; ++i) made.push_back(at::randn({768, 768}).to(type));
    made.push_back(at::randn({3072, 768}).to(type));
    made.push_back(at::randn({768, 3072}).to(type));
  }
  made.push_back(at::randn({30524, 768}).to(type));
  return made;
}

template <at::ScalarType kType>
const std::vector<at::Tensor>& weights() {
  static const std::vector<at::Tensor> all = make_weights(kType);
  return all;
}

template <at::ScalarType kWeights, at::ScalarType kRows, typename Linear>
void measure(benchmark::State& state, Linear linear) {
  const at::NoGradGuard no_grad;
  at::set_num_threads(1);
  std::map<int64_t, at::Tensor> rows;
  for (const int64_t width : {768, 3072}) {
    rows[width] = at::randn({state.range(0), width}).to(kRows);
  }
  const std::vector<at::Tensor>& all = weights<kWeights>();
  for (auto _ : state) {
    for (const at::Tensor& weight : all) {
      benchmark::DoNotOptimize(linear(rows.at(weight.size(1)), weight));
    }
  }
}

at::Tensor library_linear(const at::Tensor& x, const at::Tensor& weight) {
  return at::linear(x, weight);
}

void few_rows(benchmark::State& state) { measure<at::kFloat, at::kFloat>(state, few_rows_linear); }
void matrix_library(benchmark::State& state) {
  measure<at::kFloat, at::kFloat>(state, library_linear);
}
void few_rows_bfloat16(benchmark::State& state) {
  measure<at::kBFloat16, at::kFloat>(state, few_rows_linear);
}
void matrix_library_bfloat16(benchmark::State& state) {
  measure<at::kBFloat16, at::kBFloat16>(state, library_linear);
}

void rows(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgsProduct({{1, 2, 4, 8, 10, 16, 40, 64}})->Unit(benchmark::kMillisecond);
}
BENCHMARK(few_rows)->Apply(rows);
BENCHMARK(matrix_library)->Apply(rows);
BENCHMARK(few_rows_bfloat16)->Apply(rows);
BENCHMARK(matrix_library_bfloat16)->Apply(rows);

}  // namespace
}  // namespace blip2

BENCHMARK_MAIN();
