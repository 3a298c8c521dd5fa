// A flag that the signal handlers set.
#include "blip2/base/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

std::atomic<int> signals_seen{0};
static_assert(std::atomic<int>::is_always_lock_free);

void on_signal(int number) {
  // A terminal that closes may send SIGHUP more than once.
  if (signals_seen.fetch_add(1) > 0 && number != SIGHUP) _exit(130);
}

}  // namespace

void install_interrupt_handlers() {
  struct sigaction action{};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  struct sigaction before{};
  sigaction(SIGHUP, nullptr, &before);
  if (before.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);  // else of nohup
}

bool interrupted() { return signals_seen.load() > 0; }

void throw_if_interrupted() {
  if (interrupted()) fail(ErrorCode::kInterrupted, "interrupted");
}

}  // namespace blip2
