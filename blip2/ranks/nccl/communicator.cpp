// Two channels (sums, others), each a connection with a stream.
#include "blip2/ranks/nccl/communicator.h"

#include <ATen/ops/empty.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

NcclType type_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return kNcclFloat32;
    case at::kDouble:
      return kNcclFloat64;
    default:
      BLIP2_CHECK(tensor.scalar_type() == at::kLong);
      return kNcclInt64;
  }
}

/// A connection of all ranks and the stream of its work.
class Channel {
 public:
  Channel(const NcclOptions& options, const NcclFunctions& nccl)
      : nccl_(nccl), guard_(options.device.type()), stream_(guard_.getNewStream(options.device)) {
    const NcclId id = options.share([this] {
      NcclId made = {};
      check(nccl_.get_unique_id(&made));
      return made;
    });
    check(nccl_.comm_init_rank(&comm_, static_cast<int>(options.num_ranks), id,
                               static_cast<int>(options.rank)));
  }
  ~Channel() {
    if (comm_ != nullptr) gives_up_ ? nccl_.comm_abort(comm_) : nccl_.comm_destroy(comm_);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// Starts call(comm, stream) after the work of the current stream. Returns the event for wait().
  template <typename Call>
  std::shared_ptr<c10::Event> start(at::Device device, Call call) {
    c10::Event ready(device.type());
    ready.record(guard_.getStream(device));
    ready.block(stream_);
    check(call(comm_, guard_.getStreamNativeHandle(stream_)));
    auto done = std::make_shared<c10::Event>(device.type());
    done->record(stream_);
    return done;
  }

  void wait(const c10::Event& done) const {
    while (!done.query()) {
      int error = kNcclSuccess;
      check(nccl_.comm_get_async_error(comm_, &error));
      if (error != kNcclInProgress) check(error);
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }

  /// Makes the destructor abort running work instead of waiting for it: a rank is missing.
  void give_up() { gives_up_ = true; }

 private:
  void check(int result) const {
    if (result == kNcclSuccess || result == kNcclInProgress) return;
    fail(ErrorCode::kUnavailable, "NCCL: {}", nccl_.get_error_string(result));
  }

  const NcclFunctions& nccl_;
  c10::impl::VirtualGuardImpl guard_;
  c10::Stream stream_;
  NcclComm comm_ = nullptr;
  std::atomic<bool> gives_up_ = false;
};

class NcclCommunicator final : public Communicator {
 public:
  NcclCommunicator(const NcclOptions& options, const NcclFunctions& nccl)
      : Communicator(options.rank, options.num_ranks),
        nccl_(nccl),
        device_(options.device),
        watch_(options.watch),
        sums_(options, nccl),
        others_(options, nccl) {}

  std::future<void> start_sum(at::Tensor tensor) override {
    BLIP2_CHECK(tensor.is_contiguous());
    const at::Tensor there = tensor.to(device_);
    const auto done = sums_.start(device_, [&](NcclComm comm, NcclStream stream) {
      void* const data = there.mutable_data_ptr();
      return nccl_.all_reduce(data, data, static_cast<size_t>(there.numel()), type_of(there),
                              kNcclSum, comm, stream);
    });
    return std::async(std::launch::deferred, [this, tensor, there, done] {
      sums_.wait(*done);
      if (!tensor.is_same(there)) tensor.copy_(there);
    });
  }

  at::Tensor all_gather(const at::Tensor& tensor) override {
    const at::Tensor there = tensor.detach().to(device_).contiguous();
    std::vector<int64_t> shape = there.sizes().vec();
    BLIP2_CHECK(!shape.empty());
    shape[0] *= world_size();
    const at::Tensor all = at::empty(shape, there.options());
    others_.wait(*others_.start(device_, [&](NcclComm comm, NcclStream stream) {
      return nccl_.all_gather(there.const_data_ptr(), all.mutable_data_ptr(), there.nbytes(),
                              kNcclInt8, comm, stream);
    }));
    return all.to(tensor.device());
  }

  at::Tensor exchange_rows(const at::Tensor& rows, const RowCounts& counts) override {
    const at::Tensor there = rows.detach().to(device_).contiguous();
    int64_t num_received = 0, row_elements = 1;
    for (const int64_t count : counts.receive) num_received += count;
    std::vector<int64_t> shape = there.sizes().vec();
    for (size_t i = 1; i < shape.size(); ++i) row_elements *= shape[i];
    shape[0] = num_received;
    const at::Tensor received = at::empty(shape, there.options());
    const size_t row_bytes = static_cast<size_t>(row_elements) * there.element_size();
    others_.wait(*others_.start(device_, [&](NcclComm comm, NcclStream stream) {
      return exchange(static_cast<const std::byte*>(there.const_data_ptr()),
                      static_cast<std::byte*>(received.mutable_data_ptr()), row_bytes, counts, comm,
                      stream);
    }));
    return received.to(rows.device());
  }

  void abandon(const Error& error) override {
    sums_.give_up();
    others_.give_up();
    if (watch_) watch_->abandon(error);
  }

 private:
  int exchange(const std::byte* sent, std::byte* received, size_t row_bytes,
               const RowCounts& counts, NcclComm comm, NcclStream stream) const {
    int result = nccl_.group_start();
    const auto go_on = [&](int next) { result = result == kNcclSuccess ? next : result; };
    for (size_t peer = 0; peer < counts.send.size(); ++peer) {
      const size_t out = static_cast<size_t>(counts.send[peer]) * row_bytes;
      const size_t in = static_cast<size_t>(counts.receive[peer]) * row_bytes;
      if (out > 0) go_on(nccl_.send(sent, out, kNcclInt8, static_cast<int>(peer), comm, stream));
      if (in > 0) go_on(nccl_.recv(received, in, kNcclInt8, static_cast<int>(peer), comm, stream));
      sent += out;
      received += in;
    }
    go_on(nccl_.group_end());
    return result;
  }

  const NcclFunctions& nccl_;
  at::Device device_;
  std::shared_ptr<Communicator> watch_;  // ends after the channels
  Channel sums_, others_;
};

}  // namespace

std::unique_ptr<Communicator> open_nccl(const NcclOptions& options, const NcclFunctions& nccl) {
  return std::make_unique<NcclCommunicator>(options, nccl);
}

}  // namespace blip2
