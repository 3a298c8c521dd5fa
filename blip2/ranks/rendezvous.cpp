// A wrapper of c10d's TCPStore, which is torchrun's own.
#include "blip2/ranks/rendezvous.h"

#include <charconv>
#include <chrono>
#include <string_view>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"

namespace blip2 {
namespace {

std::string text_of(const std::function<const char*(const char*)>& variable, const char* name) {
  const char* const text = variable(name);
  return text == nullptr ? "" : text;
}

/// Calls f() and shortens the messages of c10d's exceptions to their first line.
template <typename F>
auto with_reason(const RendezvousOptions& options, F f) {
  try {
    return f();
  } catch (const std::exception& error) {
    const std::string what = error.what();
    fail(ErrorCode::kUnavailable, "{}:{}: cannot connect the ranks: {}", options.host, options.port,
         what.substr(0, what.find('\n')));
  }
}

}  // namespace

RendezvousOptions read_rendezvous(const std::function<const char*(const char*)>& variable) {
  RendezvousOptions options;
  options.host = text_of(variable, "MASTER_ADDR");
  if (options.host.empty()) {
    fail(ErrorCode::kInvalidArgument,
         "MASTER_ADDR: expected the machine of rank 0, which torchrun sets, found nothing");
  }
  const std::string port = text_of(variable, "MASTER_PORT");
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), options.port);
  if (error != std::errc() || end != port.data() + port.size()) {
    fail(ErrorCode::kInvalidArgument, "MASTER_PORT: expected a port number, found {}", quote(port));
  }
  options.serves = text_of(variable, "RANK") == "0" &&
                   text_of(variable, "TORCHELASTIC_USE_AGENT_STORE") != "True";
  options.round = text_of(variable, "TORCHELASTIC_RESTART_COUNT");
  return options;
}

struct Rendezvous::State {
  RendezvousOptions options;
  int64_t rank = 0, num_shared = 0;
  c10::intrusive_ptr<c10d::TCPStore> store;
};

Rendezvous::Rendezvous(const RendezvousOptions& options, int64_t rank)
    : state_(std::make_unique<State>(State{options, rank, 0, {}})) {
  c10d::TCPStoreOptions asked;
  asked.port = options.port;
  asked.isServer = options.serves;
  asked.waitWorkers = false;
  asked.timeout = std::chrono::milliseconds(static_cast<int64_t>(1000 * options.limit_s));
  state_->store = with_reason(
      options, [&] { return c10::make_intrusive<c10d::TCPStore>(options.host, asked); });
}

Rendezvous::~Rendezvous() = default;

std::string Rendezvous::share(const std::function<std::string()>& make) {
  const std::string key =
      "blip2/" + state_->options.round + "/" + std::to_string(state_->num_shared++);
  if (state_->rank == 0) {
    const std::string made = make();
    with_reason(state_->options, [&] {
      state_->store->set(key, std::vector<uint8_t>(made.begin(), made.end()));
      return 0;
    });
    return made;
  }
  return with_reason(state_->options, [&] {
    const std::vector<uint8_t> bytes = state_->store->get(key);  // waits until it is there
    return std::string(bytes.begin(), bytes.end());
  });
}

}  // namespace blip2
