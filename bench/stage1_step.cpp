// One stage-1 step at BERT-base's size, batch 8, features of a ViT-L: seconds and peak memory,
// plain, with activation checkpointing, and in bfloat16 (run.amp). Each case in a process of its
// own, for the peak is the process's: `bench_stage1_step` runs them all, `bench_stage1_step CASE`
// one, as a line of JSON.
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/bert_base.h"
#include "blip2/base/clock.h"
#include "blip2/base/threads.h"
#include "blip2/train/optimizer.h"

namespace blip2 {
namespace {

constexpr int kSteps = 4;

void run(const std::string& name) {
  Stage1 model = bench::bert_base_stage1();
  model.qformer.recompute_layers = name == "recompute";
  const std::vector<NamedTensor> parameters = named_tensors(model);
  AdamW optimizer(parameters, {});
  const TokenBatch texts = bench::captions(model);
  std::vector<double> seconds;
  double loss = 0;
  for (int step = 1; step <= kSteps; ++step) {
    const double start = now_s();
    optimizer.zero_grad();
    loss = bench::losses_and_gradients(
        model, texts, step, name == "amp" ? Arithmetic::kBFloat16 : Arithmetic::kFloat32);
    optimizer.step(1e-4);
    if (step > 1) seconds.push_back(now_s() - start);  // the first one takes fresh memory
  }
  std::sort(seconds.begin(), seconds.end());
  fmt::print(
      "{{\"case\": \"{}\", \"threads\": {}, \"seconds\": {:.3f}, \"peak_mb\": {:.0f}, "
      "\"loss\": {:.4f}}}\n",
      name, at::get_num_threads(), seconds[seconds.size() / 2], bench::peak_mb(), loss);
}

}  // namespace
}  // namespace blip2

int main(int argc, char** argv) {
  at::set_num_threads(blip2::num_physical_cores());
  if (argc > 1) {
    blip2::run(argv[1]);
    return 0;
  }
  for (const char* name : {"plain", "recompute", "amp"}) {
    if (std::system(fmt::format("'{}' {}", argv[0], name).c_str()) != 0) return 1;
  }
}
