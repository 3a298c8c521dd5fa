// What snapshots cost a run: stage 1 of BERT-base's size, AdamW's state and all (2.2 GB). The same
// steps without snapshots, with snapshots that the loop waits for, and with those that a thread
// writes meanwhile; bench_snapshots [FOLDER [STEPS]], by default some 25 steps each.
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/bert_base.h"
#include "blip2/base/clock.h"
#include "blip2/base/threads.h"
#include "blip2/train/optimizer.h"
#include "blip2/train/records/snapshot_writer.h"

namespace blip2 {
namespace {

class Bench {
 public:
  Bench(const std::filesystem::path& folder, int64_t num_steps)
      : folder_(folder),
        num_steps_(num_steps),
        model_(bench::bert_base_stage1()),
        parameters_(named_tensors(model_)),
        optimizer_(parameters_, {}),
        texts_(bench::captions(model_)) {}

  void run() {
    step();  // fresh memory
    double bytes = 0;
    for (const auto& list : {tensors().model, tensors().optimizer}) {
      for (const NamedTensor& named : list) bytes += static_cast<double>(named.tensor->nbytes());
    }
    const double plain = seconds_of_steps();
    const double step_s = plain / static_cast<double>(num_steps_);
    fmt::print("state {:.2f} GB, {} threads, a step {:.2f} s\n", bytes / 1e9, at::get_num_threads(),
               step_s);

    const double waited_from = now_s();
    save_snapshot(folder_, state_, tensors(), 2);
    report("the loop writes", now_s() - waited_from, step_s);

    SnapshotWriter writer(folder_, 2, {});
    writer.start(state_, tensors());  // takes the memory of the copies
    const double thread_from = bench::processor_s();
    writer.finish();
    report("the thread's processor time", bench::processor_s() - thread_from, step_s);
    const double from = now_s();
    ++state_.step;
    writer.start(state_, tensors());
    const double held_s = now_s() - from;
    const double with = seconds_of_steps();
    writer.finish();
    report("a thread writes: copying", held_s, step_s);
    report("a thread writes: slower steps", with - plain, step_s);
    report("a thread writes: both", held_s + with - plain, step_s);
  }

 private:
  SnapshotTensors tensors() { return {parameters_, optimizer_.state()}; }

  void step() {
    optimizer_.zero_grad();
    bench::losses_and_gradients(model_, texts_, ++step_);
    optimizer_.step(1e-4);
  }

  double seconds_of_steps() {
    const double start = now_s();
    for (int64_t i = 0; i < num_steps_; ++i) step();
    return now_s() - start;
  }

  static void report(const char* what, double cost_s, double step_s) {
    constexpr double kEvery = 1000;  // run.checkpoint_every
    fmt::print("{:32} {:6.2f} s: {:.3f} % of {} steps; under 2 % from {:.0f} steps on\n", what,
               cost_s, 100 * cost_s / (kEvery * step_s + cost_s), kEvery,
               std::max(cost_s * 49 / step_s, 1.0));
    std::fflush(stdout);
  }

  std::filesystem::path folder_;
  int64_t num_steps_;
  RunState state_{.step = 1};
  Stage1 model_;
  std::vector<NamedTensor> parameters_;
  AdamW optimizer_;
  TokenBatch texts_;
  int64_t step_ = 0;
};

}  // namespace
}  // namespace blip2

int main(int argc, char** argv) {
  at::set_num_threads(blip2::num_physical_cores());
  const std::filesystem::path parent =
      argc > 1 ? std::filesystem::path(argv[1]) : std::filesystem::temp_directory_path();
  std::string folder = (parent / "blip2-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 1;
  blip2::Bench(folder, argc > 2 ? std::atoll(argv[2]) : 25).run();
  std::filesystem::remove_all(folder);
}
