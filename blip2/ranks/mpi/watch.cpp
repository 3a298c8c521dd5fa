// Rank 0 watches all others, and they watch rank 0; it forwards the news of a lost rank.
#include "blip2/ranks/mpi/watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "blip2/base/clock.h"
#include "blip2/ranks/mpi/operations.h"

namespace blip2 {
namespace {

constexpr double kSendEvery_s = 1.0;
constexpr double kSayWithin_s = 2.0;
constexpr int kTag = 1;

}  // namespace

MpiWatch::MpiWatch(MPI_Comm comm, double silence_limit_s)
    : comm_(comm), silence_limit_s_(silence_limit_s) {
  int size = 0;
  check_mpi(MPI_Comm_rank(comm, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(comm, &size), "MPI_Comm_size");
  polled_s_ = now_s();
  peers_.assign(static_cast<size_t>(size), {polled_s_, rank_ == 0});
  peers_[0].watched = true;
  peers_[static_cast<size_t>(rank_)].watched = false;
  receive();
}

MpiWatch::~MpiWatch() {
  if (receive_request_ != MPI_REQUEST_NULL) {
    MPI_Cancel(&receive_request_);
    MPI_Request_free(&receive_request_);
  }
  // MPI may still read messages to a rank that does not receive them: their memory is leaked.
  for (std::unique_ptr<Outgoing>& message : outgoing_) static_cast<void>(message.release());
}

void MpiWatch::receive() {
  check_mpi(MPI_Irecv(&incoming_, sizeof incoming_, MPI_BYTE, MPI_ANY_SOURCE, kTag, comm_,
                      &receive_request_),
            "MPI_Irecv");
}

void MpiWatch::poll() {
  const double now = now_s();
  // After a pause of this process itself (a debugger, SIGSTOP) the silence of the others
  // means nothing.
  if (now - polled_s_ > silence_limit_s_ / 2) {
    for (Peer& peer : peers_) peer.seen_s = now;
  }
  polled_s_ = now;
  while (true) {
    int arrived = 0;
    MPI_Status status;
    check_mpi(MPI_Test(&receive_request_, &arrived, &status), "MPI_Test");
    if (!arrived) break;
    const Message message = incoming_;
    receive();
    take(status.MPI_SOURCE, message);
  }
  forget_sent();
  if (now - sent_s_ >= kSendEvery_s) {
    sent_s_ = now;
    if (rank_ == 0) {
      send_to_all({});
    } else {
      send(0, {});
    }
  }
  look_for_silence(now);
}

void MpiWatch::take(int source, const Message& message) {
  Peer& peer = peers_[static_cast<size_t>(source)];
  peer.seen_s = now_s();
  if (message.kind == kGoodbye) peer.watched = false;
  if (message.kind == kFailed && !loss_) {
    const std::string text(message.text,
                           std::find(message.text, message.text + sizeof message.text, '\0'));
    loss_.emplace(static_cast<ErrorCode>(message.code), text);
  }
}

void MpiWatch::look_for_silence(double now) {
  for (size_t rank = 0; rank < peers_.size() && !loss_; ++rank) {
    if (!peers_[rank].watched || now - peers_[rank].seen_s < silence_limit_s_) continue;
    loss_.emplace(ErrorCode::kUnavailable,
                  fmt::format("rank {} has sent no message for {:.0f} s and is taken for dead; the "
                              "same command resumes the run from its last snapshot",
                              rank, silence_limit_s_));
    peers_[rank].watched = false;
    if (rank_ == 0) {
      Message message{.kind = kFailed, .code = static_cast<int32_t>(ErrorCode::kUnavailable)};
      fmt::format_to_n(message.text, sizeof message.text - 1, "{}", loss_->what());
      send_to_all(message);
    }
  }
}

/// Skips a heartbeat while an earlier message to the same rank is not sent.
void MpiWatch::send(int destination, const Message& message) {
  const bool waiting = std::any_of(outgoing_.begin(), outgoing_.end(), [&](const auto& other) {
    return other->destination == destination;
  });
  if (message.kind == kAlive && waiting) return;
  outgoing_.push_back(std::make_unique<Outgoing>(Outgoing{message, destination}));
  Outgoing& sent = *outgoing_.back();
  check_mpi(MPI_Isend(&sent.message, sizeof sent.message, MPI_BYTE, destination, kTag, comm_,
                      &sent.request),
            "MPI_Isend");
}

void MpiWatch::send_to_all(const Message& message) {
  for (int rank = 0; rank < static_cast<int>(peers_.size()); ++rank) {
    if (rank != rank_) send(rank, message);
  }
}

void MpiWatch::forget_sent() {
  std::erase_if(outgoing_, [](const std::unique_ptr<Outgoing>& message) {
    int sent = 0;
    check_mpi(MPI_Test(&message->request, &sent, MPI_STATUS_IGNORE), "MPI_Test");
    return sent != 0;
  });
}

void MpiWatch::wait_until_sent() {
  const double until_s = now_s() + kSayWithin_s;
  for (forget_sent(); !outgoing_.empty() && now_s() < until_s; forget_sent()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void MpiWatch::say_failed(const Error& error) {
  Message message{.kind = kFailed, .code = static_cast<int32_t>(error.code())};
  fmt::format_to_n(message.text, sizeof message.text - 1, "rank {} has ended the run: {}", rank_,
                   error.what());
  send_to_all(message);
  wait_until_sent();
}

void MpiWatch::say_goodbye() {
  Message message{.kind = kGoodbye};
  if (rank_ == 0) {
    send_to_all(message);
  } else {
    send(0, message);
  }
  wait_until_sent();
}

}  // namespace blip2
