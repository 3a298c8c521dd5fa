// The copies of the tensors, and the thread that writes them.
#include "blip2/train/records/snapshot_writer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>

#include <chrono>
#include <exception>
#include <utility>

#include "blip2/base/log.h"

namespace blip2 {
namespace {

/// Copies tensors into `copies`, whose memory is reused from one snapshot to the next: to allocate
/// it anew would cost more time than the copying.
std::vector<NamedTensor> copied(const std::vector<NamedTensor>& tensors,
                                std::vector<at::Tensor>& copies) {
  const at::NoGradGuard no_grad;
  copies.resize(tensors.size());
  std::vector<NamedTensor> named;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const at::Tensor& tensor = *tensors[i].tensor;
    if (!copies[i].defined()) copies[i] = at::empty_like(tensor, tensor.options().device(at::kCPU));
    copies[i].copy_(tensor);
    named.push_back({tensors[i].name, &copies[i]});
  }
  return named;
}

}  // namespace

SnapshotWriter::SnapshotWriter(std::filesystem::path checkpoints, int64_t keep,
                               std::filesystem::path newest)
    : checkpoints_(std::move(checkpoints)), keep_(keep), newest_(std::move(newest)) {}

SnapshotWriter::~SnapshotWriter() { settle(); }

void SnapshotWriter::start(const RunState& state, const SnapshotTensors& tensors) {
  finish();
  SnapshotTensors copies;
  copies.model = copied(tensors.model, model_);
  copies.optimizer = copied(tensors.optimizer, optimizer_);
  writing_ = std::async(std::launch::async, [this, state, copies = std::move(copies)] {
    return save_snapshot(checkpoints_, state, copies, keep_);
  });
}

void SnapshotWriter::check() {
  if (writing_.valid() && writing_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
    finish();
  }
}

void SnapshotWriter::finish() {
  if (writing_.valid()) newest_ = writing_.get();
}

void SnapshotWriter::settle() noexcept {
  try {
    finish();
  } catch (const std::exception& error) {
    log_warning("a snapshot was not written: {}", error.what());
  }
}

}  // namespace blip2
