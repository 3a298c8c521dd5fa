// A thread owns MPI and the counter's window; next() hands it a promise for the number.
#include "blip2/ranks/mpi/counter.h"

#include <mpi.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/ranks/mpi/operations.h"
#include "blip2/ranks/mpi/thread.h"

namespace blip2 {
namespace {

/// How long a rank may wait for rank 0's thread, if the network needs it to answer.
constexpr auto kLookEvery = std::chrono::milliseconds(2);

/// The counter's window. Used by the thread that calls MPI.
class Window {
 public:
  Window() {
    int provided = 0, rank = 0;
    check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init");
    if (provided < MPI_THREAD_FUNNELED) {
      fail(ErrorCode::kUnavailable, "MPI_Init: expected an MPI that supports threads");
    }
    check_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set");
    check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank");
    check_mpi(MPI_Win_allocate(rank == 0 ? sizeof(int64_t) : 0, sizeof(int64_t), MPI_INFO_NULL,
                               MPI_COMM_WORLD, &counter_, &window_),
              "MPI_Win_allocate");
    check_mpi(MPI_Win_lock_all(0, window_), "MPI_Win_lock_all");
    if (rank == 0) {
      *counter_ = 0;
      check_mpi(MPI_Win_sync(window_), "MPI_Win_sync");
    }
    check_mpi(MPI_Barrier(MPI_COMM_WORLD), "MPI_Barrier");
  }

  int64_t fetch_and_increment() {
    const int64_t one = 1;
    int64_t fetched = 0;
    check_mpi(MPI_Fetch_and_op(&one, &fetched, MPI_INT64_T, 0, 0, MPI_SUM, window_),
              "MPI_Fetch_and_op");
    check_mpi(MPI_Win_flush(0, window_), "MPI_Win_flush");
    return fetched;
  }

  /// Answers the other ranks' operations on this rank's memory, which MPI does inside any call.
  void answer() {
    int is_there = 0;
    check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &is_there, MPI_STATUS_IGNORE),
              "MPI_Iprobe");
  }

  /// Waits for all ranks without occupying a core.
  void close() {
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Ibarrier(MPI_COMM_WORLD, &request), "MPI_Ibarrier");
    for (int done = 0; done == 0;) {
      check_mpi(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
      if (done == 0) std::this_thread::sleep_for(kLookEvery);
    }
    MPI_Win_unlock_all(window_);
    MPI_Win_free(&window_);
    MPI_Finalize();
  }

 private:
  int64_t* counter_ = nullptr;
  MPI_Win window_ = MPI_WIN_NULL;
};

class MpiCounter final : public SharedCounter {
 public:
  MpiCounter() {
    thread_ = start_mpi_thread([this](std::promise<void>& opened) { run(opened); });
  }

  ~MpiCounter() override {
    {
      const std::lock_guard lock(mutex_);
      in_good_order_ = std::uncaught_exceptions() == num_exceptions_;
      ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  int64_t next() override {
    std::promise<int64_t> number;
    std::future<int64_t> future = number.get_future();
    {
      const std::lock_guard lock(mutex_);
      if (error_) throw *error_;
      wanted_ = std::move(number);
    }
    wake_.notify_one();
    return future.get();
  }

 private:
  void run(std::promise<void>& opened) {
    std::optional<Window> window;
    try {
      window.emplace();
      opened.set_value();
    } catch (...) {
      opened.set_exception(std::current_exception());
      return;
    }
    try {
      while (serve(*window)) {
      }
      if (in_good_order_) window->close();
    } catch (const Error& error) {
      const std::lock_guard lock(mutex_);
      error_ = error;
      if (wanted_)
        std::exchange(wanted_, std::nullopt)->set_exception(std::make_exception_ptr(error));
    }
  }

  /// One round. False at the end.
  bool serve(Window& window) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, kLookEvery, [this] { return wanted_ || ending_; });
      if (ending_) return false;
      if (!wanted_) {
        lock.unlock();
        window.answer();
        return true;
      }
    }
    const int64_t number = window.fetch_and_increment();
    const std::lock_guard lock(mutex_);
    std::exchange(wanted_, std::nullopt)->set_value(number);
    return true;
  }

  const int num_exceptions_ = std::uncaught_exceptions();
  std::thread thread_;
  std::mutex mutex_;  // guards everything below
  std::condition_variable wake_;
  std::optional<std::promise<int64_t>> wanted_;
  bool ending_ = false, in_good_order_ = true;
  std::optional<Error> error_;
};

}  // namespace

std::unique_ptr<SharedCounter> open_mpi_counter() { return std::make_unique<MpiCounter>(); }

}  // namespace blip2
