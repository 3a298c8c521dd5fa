// Starting the thread of a process that makes all calls to MPI.
#pragma once

#include <future>
#include <thread>
#include <utility>

namespace blip2 {

/// Starts run(opened) in a thread and returns when the thread has fulfilled the promise `opened`.
/// If it sets an exception instead and ends, throws that.
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
