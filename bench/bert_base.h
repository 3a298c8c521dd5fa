// What the benches of stage 1 train: a Q-Former of BERT-base's size on the features of a ViT-L,
// with weights, features and captions at random.
#pragma once

#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <sys/resource.h>

#include <cstdint>

#include "blip2/nn/autocast.h"
#include "blip2/train/stage1.h"

namespace blip2::bench {

constexpr int64_t kBatch = 8, kImageTokens = 257, kImageWidth = 1024, kClsId = 101;

inline Stage1 bert_base_stage1() {
  const at::NoGradGuard no_grad;
  Stage1Config config;
  config.qformer.encoder_hidden_size = kImageWidth;
  Stage1 model = make_stage1(config);
  at::manual_seed(1);
  for (const NamedTensor& named : named_tensors(model)) {
    const bool is_norm = named.name.find("norm.weight") != std::string::npos;
    if (named.tensor->dim() > 1) {
      named.tensor->copy_(at::randn(named.tensor->sizes()) * 0.02);
    } else {
      named.tensor->fill_(is_norm ? 1 : 0);
    }
  }
  model.temperature.fill_(0.07);
  set_trainable(named_tensors(model), true);
  return model;
}

/// Captions of 8 to 15 tokens; compare/stage1_step.py has the same lengths.
inline TokenBatch captions(const Stage1& model) {
  constexpr int64_t kLongest = 15;
  TokenBatch texts;
  texts.ids = at::randint(1000, model.config.qformer.vocab_size - 1, {kBatch, kLongest}, at::kLong);
  texts.ids.select(1, 0).fill_(kClsId);
  texts.mask = at::ones({kBatch, kLongest}, at::kLong);
  for (int64_t row = 0; row < kBatch; ++row) {
    texts.mask[row].narrow(0, 8 + row, kLongest - 8 - row).fill_(0);
  }
  return texts;
}

/// Forward and backward of one batch, with dropout.
inline double losses_and_gradients(const Stage1& model, const TokenBatch& texts, int64_t step,
                                   Arithmetic arithmetic = Arithmetic::kFloat32) {
  SingleProcess communicator;
  Stage1Options options;
  options.dropout = {0.1, 0.1};
  options.step = step;
  options.dec_id = model.config.qformer.vocab_size - 1;
  const at::Tensor embeds = at::randn({kBatch, kImageTokens, kImageWidth});
  at::Tensor loss;
  {
    const Autocast autocast(arithmetic);
    loss = total_loss(stage1_losses(model, embeds, texts, {}, communicator, options), {});
  }
  loss.backward();
  return loss.item<double>();
}

/// Largest number of megabytes that this process has had resident.
inline double peak_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
}

/// Seconds of processor time that this process has used, all threads together.
inline double processor_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace blip2::bench
