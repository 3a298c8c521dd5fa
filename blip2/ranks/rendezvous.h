// Where the ranks of torchrun meet before they can talk: the key-value server that it tells them
// of.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace blip2 {

struct RendezvousOptions {
  std::string host = "";   ///< MASTER_ADDR
  uint16_t port = 0;       ///< MASTER_PORT
  bool serves = false;     ///< this rank is the server: rank 0, unless torchrun itself is it
  std::string round = "";  ///< of a run that is started again: TORCHELASTIC_RESTART_COUNT
  double limit_s = 300;    ///< until all are there
};

/// What MASTER_ADDR, MASTER_PORT and torchrun's own variables say. `variable` gives a variable's
/// value, or a null pointer. Throws kInvalidArgument for a missing or wrong one.
RendezvousOptions read_rendezvous(const std::function<const char*(const char*)>& variable);

class Rendezvous {
 public:
  /// Returns when the server is reached. Throws kUnavailable where it is not.
  Rendezvous(const RendezvousOptions& options, int64_t rank);
  ~Rendezvous();
  Rendezvous(const Rendezvous&) = delete;
  Rendezvous& operator=(const Rendezvous&) = delete;

  /// Gives every rank the bytes that rank 0 makes. All ranks call it equally often. The server must
  /// not leave before the others have them.
  std::string share(const std::function<std::string()>& make);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace blip2
