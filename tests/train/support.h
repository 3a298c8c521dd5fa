// What the tests of training share, alone and on ranks: goldens, a folder that vanishes, a small
// stage to train, and a run of it.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/dropout.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>

#include <filesystem>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "blip2/base/files.h"
#include "blip2/nn/module.h"
#include "blip2/train/records/event_log.h"
#include "blip2/train/stage.h"
#include "blip2/train/trainer.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tests_directory.h"

namespace blip2::testing {

inline std::filesystem::path golden(const std::string& name) {
  return testing::tests_directory() / "golden" / "train" / name;
}

/// Turns `byte` of a file over.
inline void damage(const std::filesystem::path& path, size_t byte) {
  std::string bytes = read_file(path);
  bytes.at(byte) = static_cast<char>(bytes.at(byte) ^ 0x40);
  write_file_atomic(path, bytes);
}

inline constexpr int64_t kBatchesPerEpoch = 7;  // of ToyStage's 4 samples

/// A linear layer behind dropout learns to give the sums of random vectors.
class ToyStage final : public Stage {
 public:
  explicit ToyStage(uint64_t seed = 1) {
    Random random(seed, "toy");
    weight = at::zeros({3, 5});
    bias = at::zeros({3});
    temp = at::zeros({});
    for (at::Tensor* tensor : {&weight, &bias, &temp}) fill_normal(*tensor, 0.3, random);
    set_trainable(trained_tensors(), true);
  }

  std::vector<NamedTensor> trained_tensors() override {
    return {{"layer.weight", &weight}, {"layer.bias", &bias}, {"temp", &temp}};
  }

  /// Of whole epochs, of kBatchesPerEpoch batches.
  void seek(const DataPosition& position) override {
    positions.push_back(position);
    next_batch_ = position.epoch * kBatchesPerEpoch + position.batches;
  }

  StepOutput run_batch(const StepContext& context) override {
    const int64_t batch = next_batch_++;
    batches.push_back(batch);
    Random random(context.seed, "toy data", static_cast<uint64_t>(batch));
    at::Tensor inputs = at::zeros({4, 5});
    fill_normal(inputs, 1.0, random);
    const at::Tensor dropped = at::dropout(inputs, 0.2, /*train=*/true);
    const at::Tensor error = at::linear(dropped, weight, bias) - inputs.sum(1, /*keepdim=*/true);
    at::Tensor loss = error.pow(2).mean() + temp.pow(2);
    if (bad_batches.contains(batch)) loss = loss * std::numeric_limits<double>::quiet_NaN();
    return {.loss = loss,
            .values = {{"loss_itc", loss.item<double>() / 2}, {"temperature", temp.item<double>()}},
            .samples = 4,
            .keys = {"key-" + std::to_string(batch)}};
  }

  void save_model(const std::filesystem::path& directory) override {
    ++times_saved;
    make_directories(directory);
    write_file_atomic(directory / "model.txt", std::to_string(weight.sum().item<double>()));
  }

  /// The bytes of all parameters.
  std::string bytes() {
    std::string all;
    for (const NamedTensor& named : trained_tensors()) {
      all.append(static_cast<const char*>(named.tensor->const_data_ptr()), named.tensor->nbytes());
    }
    return all;
  }

  at::Tensor weight;  // [3, 5]
  at::Tensor bias;    // [3]
  at::Tensor temp;    // []
  std::set<int64_t> bad_batches;
  std::vector<int64_t> batches;
  std::vector<DataPosition> positions;  // that were sought
  int times_saved = 0;

 private:
  int64_t next_batch_ = -1;
};

/// 10 steps of two batches, of an epoch of 7: steps and epochs never end together.
inline RunConfig run_in(const std::filesystem::path& output_dir) {
  RunConfig run;
  run.output_dir = output_dir.string();
  run.max_steps = 10;
  run.batch_size_train = 4;
  run.accum_grad_iters = 2;
  run.warmup_steps = 3;
  run.init_lr = 0.05;
  run.min_lr = 0.01;
  run.warmup_lr = 0.001;
  run.grad_clip = 1;
  run.log_every = 1;
  run.checkpoint_every = 4;
  return run;
}

inline TrainerOptions options_of(const std::string& resume = "auto") {
  TrainerOptions options;
  options.shape = {.places = 4 * kBatchesPerEpoch, .batch_size = 4};
  options.resume = resume;
  options.config_yaml = "run: {}\n";
  options.stop_requested = [] { return false; };
  return options;
}

/// log.jsonl without the clock's columns.
inline std::vector<std::string> log_of(const std::filesystem::path& output_dir) {
  std::vector<std::string> lines;
  for (LogRow row : read_log(output_dir / "log.jsonl")) {
    row.samples_per_second = row.elapsed_s = 0;
    lines.push_back(to_json(row));
  }
  return lines;
}

}  // namespace blip2::testing
