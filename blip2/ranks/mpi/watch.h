// Which ranks are alive: heartbeats between rank 0 and every other rank, and messages that one has
// failed. Used by the MPI communicator's thread alone.
#pragma once

#include <mpi.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "blip2/base/error.h"

namespace blip2 {

class MpiWatch {
 public:
  /// `comm` must have no other user. A collective operation of all ranks.
  MpiWatch(MPI_Comm comm, double silence_limit_s);
  ~MpiWatch();
  MpiWatch(const MpiWatch&) = delete;
  MpiWatch& operator=(const MpiWatch&) = delete;

  /// Receives messages and sends heartbeats. Call several times a second.
  void poll();
  /// Set when a rank has been silent for too long (kUnavailable) or has reported a failure (with
  /// its code). The message names the rank.
  const std::optional<Error>& loss() const { return loss_; }

  /// Tells all other ranks that this one has failed. Waits at most 2 s until the messages are sent.
  void say_failed(const Error& error);
  /// Tells the ranks that watch this one that it ends without a failure.
  void say_goodbye();

 private:
  enum Kind : int32_t { kAlive, kGoodbye, kFailed };
  struct Message {
    int32_t kind = kAlive;
    int32_t code = 0;
    char text[504] = "";
  };
  struct Outgoing {
    Message message;
    int destination = 0;
    MPI_Request request = MPI_REQUEST_NULL;
  };
  struct Peer {
    double seen_s = 0;
    bool watched = false;
  };

  void receive();
  void take(int source, const Message& message);
  void send(int destination, const Message& message);
  void send_to_all(const Message& message);
  void forget_sent();
  void wait_until_sent();
  void look_for_silence(double now);

  MPI_Comm comm_;
  double silence_limit_s_;
  int rank_ = 0;
  std::vector<Peer> peers_;
  std::optional<Error> loss_;
  double polled_s_ = 0, sent_s_ = 0;
  Message incoming_;
  MPI_Request receive_request_ = MPI_REQUEST_NULL;
  std::vector<std::unique_ptr<Outgoing>> outgoing_;
};

}  // namespace blip2
