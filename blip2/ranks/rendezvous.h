// The key-value server at which ranks started by torchrun exchange NCCL's id.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace blip2 {

struct RendezvousOptions {
  std::string host = "";   ///< MASTER_ADDR
  uint16_t port = 0;       ///< MASTER_PORT
  bool serves = false;     ///< this rank is the server: rank 0, unless torchrun has its own
  std::string round = "";  ///< TORCHELASTIC_RESTART_COUNT, which tells restarts of a run apart
  double limit_s = 300;    ///< how long to wait for the server and the other ranks
};

/// Reads MASTER_ADDR, MASTER_PORT and torchrun's own variables. `variable` returns a variable's
/// value, or a null pointer. Throws kInvalidArgument for a missing or wrong one.
RendezvousOptions read_rendezvous(const std::function<const char*(const char*)>& variable);

class Rendezvous {
 public:
  /// Connects to the server. Throws kUnavailable if it cannot be reached.
  Rendezvous(const RendezvousOptions& options, int64_t rank);
  ~Rendezvous();
  Rendezvous(const Rendezvous&) = delete;
  Rendezvous& operator=(const Rendezvous&) = delete;

  /// Returns on every rank the bytes that rank 0 makes. All ranks call it equally often. The
  /// serving rank must live until the others have the bytes.
  std::string share(const std::function<std::string()>& make);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace blip2
