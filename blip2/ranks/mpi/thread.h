// The one thread of a process that calls MPI: how it is started.
#pragma once

#include <future>
#include <thread>
#include <utility>

namespace blip2 {

/// Starts run(opened) in a thread, and returns when it has fulfilled the promise `opened`. Where it
/// gives it an exception instead, the thread has ended and the exception is thrown here.
template <typename Run>
std::thread start_mpi_thread(Run run) {
  std::promise<void> opened;
  std::future<void> is_open = opened.get_future();
  std::thread thread([run = std::move(run), &opened] { run(opened); });
  try {
    is_open.get();
  } catch (...) {
    thread.join();
    throw;
  }
  return thread;
}

}  // namespace blip2
