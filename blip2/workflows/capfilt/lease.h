// Leases: files in a folder that all workers share, which say who works on what. One worker can
// take a lease, and it expires when its holder gives no sign of life. Leases avoid double work but
// do not exclude it, so work that is done twice must give the same result.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace blip2 {

/// A process as its lease identifies it: the machine with its boot and its process namespace, the
/// process id, its start, and a random token.
struct WorkerName {
  std::string machine;
  int64_t process = 0;
  std::string started;
  std::string token;

  /// This process, with a new token at each call.
  static WorkerName own();
  /// "machine:process", for people.
  std::string text() const;
};

/// The files are NAME.GENERATION, created with O_CREAT | O_EXCL, which succeeds for one of several
/// on any shared file system. An expired lease is never removed: the next generation is created,
/// and the highest counts. Holders touch their files. Ages are read from the file server's clock
/// alone, so machines' clocks need not agree. A lease whose holder was a process of this machine
/// and is gone expires at once.
class LeaseFolder {
 public:
  /// Creates the folder where it is missing. A lease expires after `seconds` without a sign of
  /// life.
  LeaseFolder(std::filesystem::path folder, double seconds);
  ~LeaseFolder();
  LeaseFolder(const LeaseFolder&) = delete;
  LeaseFolder& operator=(const LeaseFolder&) = delete;

  /// Takes the lease of `name` (no "/" and no ".") unless another holds it. Returns the generation:
  /// above 1, earlier holders were lost. Throws kUnavailable where the folder cannot be written.
  std::optional<int64_t> take(const std::string& name);
  /// Whether the lease that this object took is still the highest generation.
  bool holds(const std::string& name, int64_t generation) const;
  /// Gives a sign of life. Does nothing where the file is gone.
  void touch(const std::string& name, int64_t generation) const;
  /// Gives the lease back, this generation and those before it.
  void release(const std::string& name, int64_t generation) const noexcept;

  /// The names of the leases that are held now, by this machine's clock. For observers.
  static std::vector<std::string> held(const std::filesystem::path& folder, double seconds);
  const WorkerName& worker() const { return worker_; }

 private:
  std::filesystem::path file(const std::string& name, int64_t generation) const;
  bool has_expired(const std::filesystem::path& lease) const;

  std::filesystem::path folder_;
  double seconds_;
  WorkerName worker_;
};

/// A lease that a thread keeps alive. The destructor gives it back.
class HeldLease {
 public:
  /// `folder` must outlive it.
  HeldLease(const LeaseFolder& folder, std::string name, int64_t generation, double touch_every_s);
  ~HeldLease();
  HeldLease(const HeldLease&) = delete;
  HeldLease& operator=(const HeldLease&) = delete;

  bool holds() const { return folder_.holds(name_, generation_); }

 private:
  void keep_alive();

  const LeaseFolder& folder_;
  std::string name_;
  int64_t generation_;
  double touch_every_s_;
  std::mutex mutex_;  // of ending_
  std::condition_variable wake_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace blip2
