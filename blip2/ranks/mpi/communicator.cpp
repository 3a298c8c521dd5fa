// A thread owns MPI: it runs two queues of operations (sums, others) and watches the other ranks.
// The communicator hands it operations and waits for their futures.
#include "blip2/ranks/mpi/communicator.h"

#include <ATen/ops/empty.h>
#include <mpi.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <optional>
#include <thread>
#include <utility>

#include "blip2/base/clock.h"
#include "blip2/base/error.h"
#include "blip2/base/log.h"
#include "blip2/ranks/mpi/operations.h"
#include "blip2/ranks/mpi/thread.h"
#include "blip2/ranks/mpi/watch.h"

namespace blip2 {
namespace {

constexpr double kWatchEvery_s = 0.05;
/// Time from the news that a rank is lost until waiting operations fail. A rank that reports its
/// failure has taken part in earlier operations, whose messages may still be on their way.
constexpr double kGrace_s = 0.5;
/// Time from there until the process is ended, if its owner has called no operation.
constexpr double kUnnoticed_s = 20;

/// Polling takes less time than this if no message makes progress.
constexpr double kMoving_s = 3e-6;

/// Sums, which may run in the background, have messages of their own.
enum MpiChannel { kSums, kOthers, kNumChannels };

/// The thread that makes all calls to MPI. The owner's thread calls the public methods.
class MpiThread {
 public:
  explicit MpiThread(const MpiOptions& options) : options_(options) {
    thread_ = start_mpi_thread([this](std::promise<void>& opened) { run(opened); });
  }
  ~MpiThread() {
    if (thread_.joinable()) end(std::nullopt);
  }
  MpiThread(const MpiThread&) = delete;
  MpiThread& operator=(const MpiThread&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }

  std::future<void> start(MpiChannel channel, std::unique_ptr<MpiOperation> operation) {
    std::future<void> future = operation->done.get_future();
    const std::lock_guard lock(mutex_);
    if (error_) {
      operation->done.set_exception(std::make_exception_ptr(*error_));
    } else {
      waiting_.emplace_back(channel, std::move(operation));
      wake_.notify_one();
    }
    return future;
  }

  /// Ends the thread: together with those of all ranks, or after it has sent them `failure`.
  void end(const std::optional<Error>& failure) {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
      failure_ = failure;
    }
    wake_.notify_one();
    thread_.join();
  }

 private:
  void run(std::promise<void>& opened) {
    try {
      open();
      opened.set_value();
    } catch (...) {
      opened.set_exception(std::current_exception());
      return;
    }
    try {
      while (run_round()) {
      }
      close();
    } catch (const Error& error) {  // from MPI: a connection is lost
      lose(error);
      wait_for_the_end();
    }
  }

  void open() {
    int provided = 0;
    check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init");
    if (provided < MPI_THREAD_FUNNELED) {
      fail(ErrorCode::kUnavailable, "MPI_Init: expected an MPI that supports threads");
    }
    check_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set");
    check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
    check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");
    for (MPI_Comm& comm : comms_) {
      check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &comm), "MPI_Comm_dup");
    }
    check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &watch_comm_), "MPI_Comm_dup");
    watch_ = std::make_unique<MpiWatch>(watch_comm_, options_.silence_limit_s);
  }

  /// One round: takes new operations, polls the running ones and the watch. False at the end.
  bool run_round() {
    const bool is_ending = take_new();
    const double started_s = now_s();
    ++num_idle_rounds_;
    for (int channel = 0; channel < kNumChannels; ++channel) {
      run_first(static_cast<MpiChannel>(channel));
    }
    const double now = now_s();
    // MPI does not report whether a message has made progress, but a call takes longer if one has.
    if (now - started_s > kMoving_s) num_idle_rounds_ = 0;
    if (now - watched_s_ > kWatchEvery_s) {
      watched_s_ = now;
      watch_->poll();
      if (watch_->loss()) heed_loss(now);
    }
    if (is_ending && (is_idle() || error_ || failure_)) return false;
    rest();
    return true;
  }

  /// Runs a channel's operations one after the other. Operations with several rounds of messages
  /// would otherwise meet other operations on other ranks, which start them at other times.
  void run_first(MpiChannel channel) {
    std::deque<std::unique_ptr<MpiOperation>>& queue = queues_[channel];
    while (!queue.empty()) {
      if (!is_running_[channel]) queue.front()->start(comms_[channel]);
      is_running_[channel] = true;
      if (!queue.front()->poll()) return;
      queue.front()->done.set_value();
      queue.pop_front();
      is_running_[channel] = false;
      num_idle_rounds_ = 0;
    }
  }

  bool is_idle() const {
    return std::all_of(std::begin(queues_), std::end(queues_),
                       [](const auto& queue) { return queue.empty(); });
  }

  bool take_new() {
    const std::lock_guard lock(mutex_);
    for (auto& [channel, operation] : waiting_) {
      queues_[channel].push_back(std::move(operation));
      num_idle_rounds_ = 0;
    }
    waiting_.clear();
    return ending_;
  }

  /// Polls often while an operation makes progress, and otherwise leaves the core to computing
  /// threads.
  void rest() {
    constexpr int kEagerRounds = 100;
    if (!is_idle()) {
      if (num_idle_rounds_ < kEagerRounds) {
        ::sched_yield();
      } else {
        std::this_thread::sleep_for(std::chrono::microseconds(20));
      }
      return;
    }
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, std::chrono::duration<double>(kWatchEvery_s),
                   [this] { return !waiting_.empty() || ending_; });
  }

  void heed_loss(double now) {
    if (lost_s_ == 0) lost_s_ = now;
    if (!error_ && now - lost_s_ > kGrace_s) lose(*watch_->loss());
    if (now - lost_s_ > kGrace_s + kUnnoticed_s) end_process();
  }

  /// Fails all operations, waiting and future ones. The memory of running ones is leaked, since MPI
  /// may still use it.
  void lose(const Error& error) {
    const std::lock_guard lock(mutex_);
    error_ = error;
    for (auto& queue : queues_) {
      for (std::unique_ptr<MpiOperation>& operation : queue) {
        operation->done.set_exception(std::make_exception_ptr(error));
        static_cast<void>(operation.release());
      }
      queue.clear();
    }
    for (auto& [channel, operation] : waiting_) {
      operation->done.set_exception(std::make_exception_ptr(error));
    }
    waiting_.clear();
  }

  void wait_for_the_end() {
    std::unique_lock lock(mutex_);
    const bool has_ended = wake_.wait_for(lock, std::chrono::duration<double>(kUnnoticed_s),
                                          [this] { return ending_; });
    if (!has_ended) end_process();
  }

  [[noreturn]] void end_process() {
    log_error("{}", error_->what());
    MPI_Abort(MPI_COMM_WORLD, 1);
    std::_Exit(1);
  }

  void close() {
    if (failure_) watch_->say_failed(*failure_);
    if (failure_ || error_ || watch_->loss()) {  // MPI_Finalize would wait for the lost rank
      static_cast<void>(watch_.release());
      return;
    }
    watch_->say_goodbye();
    watch_.reset();
    for (MPI_Comm& comm : comms_) MPI_Comm_free(&comm);
    MPI_Comm_free(&watch_comm_);
    MPI_Finalize();
  }

  const MpiOptions options_;
  int rank_ = 0, size_ = 1;
  std::thread thread_;

  // Used by the thread alone.
  MPI_Comm comms_[kNumChannels] = {MPI_COMM_NULL, MPI_COMM_NULL};
  MPI_Comm watch_comm_ = MPI_COMM_NULL;
  std::unique_ptr<MpiWatch> watch_;
  std::deque<std::unique_ptr<MpiOperation>> queues_[kNumChannels];
  bool is_running_[kNumChannels] = {false, false};  // the first operation of the queue
  int num_idle_rounds_ = 0;
  double watched_s_ = 0, lost_s_ = 0;

  std::mutex mutex_;  // guards everything below; only the thread writes error_
  std::condition_variable wake_;
  std::deque<std::pair<MpiChannel, std::unique_ptr<MpiOperation>>> waiting_;
  bool ending_ = false;
  std::optional<Error> failure_, error_;
};

void check_tensor(const at::Tensor& tensor) {
  BLIP2_CHECK(tensor.is_cpu() && tensor.is_contiguous());
}

class MpiCommunicator final : public Communicator {
 public:
  explicit MpiCommunicator(std::unique_ptr<MpiThread> thread)
      : Communicator(thread->rank(), thread->size()), thread_(std::move(thread)) {}

  ~MpiCommunicator() override {
    if (!thread_ || std::uncaught_exceptions() == num_exceptions_) return;
    abandon({ErrorCode::kInternal, "it ended for an unknown reason"});
  }

  std::future<void> start_sum(at::Tensor tensor) override {
    check_tensor(tensor);
    const at::ScalarType type = tensor.scalar_type();
    BLIP2_CHECK(type == at::kFloat || type == at::kDouble || type == at::kLong);
    return thread().start(kSums, make_sum(std::move(tensor)));
  }

  at::Tensor all_gather(const at::Tensor& tensor) override {
    check_tensor(tensor);
    std::vector<int64_t> shape = tensor.sizes().vec();
    shape.at(0) *= world_size();
    at::Tensor all = at::empty(shape, tensor.options().requires_grad(false));
    thread().start(kOthers, make_gather(tensor.detach(), all)).get();
    return all;
  }

  at::Tensor exchange_rows(const at::Tensor& rows, const RowCounts& counts) override {
    check_tensor(rows);
    const auto num_ranks = static_cast<size_t>(world_size());
    BLIP2_CHECK(counts.send.size() == num_ranks && counts.receive.size() == num_ranks);
    const auto sum = [](const std::vector<int64_t>& numbers) {
      return std::accumulate(numbers.begin(), numbers.end(), int64_t{0});
    };
    BLIP2_CHECK(rows.size(0) == sum(counts.send));
    std::vector<int64_t> shape = rows.sizes().vec();
    shape.at(0) = sum(counts.receive);
    at::Tensor received = at::empty(shape, rows.options().requires_grad(false));
    thread().start(kOthers, make_exchange(rows.detach(), received, counts)).get();
    return received;
  }

  void abandon(const Error& error) override {
    if (!thread_) return;
    thread_->end(error);
    thread_.reset();
  }

 private:
  MpiThread& thread() {
    BLIP2_CHECK(thread_ != nullptr);
    return *thread_;
  }

  std::unique_ptr<MpiThread> thread_;
  const int num_exceptions_ = std::uncaught_exceptions();
};

}  // namespace

std::unique_ptr<Communicator> open_mpi(const MpiOptions& options) {
  return std::make_unique<MpiCommunicator>(std::make_unique<MpiThread>(options));
}

}  // namespace blip2
