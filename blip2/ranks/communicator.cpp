// What all communicators share, and the trivial one.
#include "blip2/ranks/communicator.h"

#include <ATen/ops/zeros.h>

namespace blip2 {

Communicator::Communicator(int64_t rank, int64_t world_size)
    : rank_(rank), world_size_(world_size) {
  BLIP2_CHECK(world_size > 0 && rank >= 0 && rank < world_size);
}

void Communicator::wait_for_all() { all_gather(at::zeros({1})); }

std::future<void> SingleProcess::start_sum(at::Tensor) {
  std::promise<void> done;
  done.set_value();
  return done.get_future();
}

at::Tensor SingleProcess::all_gather(const at::Tensor& tensor) { return tensor.detach(); }

at::Tensor SingleProcess::exchange_rows(const at::Tensor& rows, const RowCounts&) {
  return rows.detach();
}

}  // namespace blip2
