// Who works on what, told by files in a folder that all workers share: leases that are taken by one
// only, and that expire when their holder gives no sign of life. They save work from being done
// twice; that it is right if it is done twice all the same is the affair of those who do it.
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

/// A process, as its lease names it: a machine (with its boot and its space of process ids), the
/// process's id, when it started, and a number of its own.
struct WorkerName {
  std::string machine;
  int64_t process = 0;
  std::string started;
  std::string token;

  /// This process; another token each time.
  static WorkerName own();
  /// "machine:process", for people.
  std::string text() const;
};

/// The files are NAME.GENERATION, made with O_CREAT | O_EXCL, which one of several wins on any
/// shared file system. A lease that has expired is never taken away: the next generation is made,
/// which again one wins; the highest is the one that counts. Holders touch their files; ages are
/// read from the file server's clock alone, so that clocks of machines need not agree. A holder
/// whose process is gone from this very machine has expired at once.
class LeaseFolder {
 public:
  /// Makes the folder if need be. `seconds`: without a sign of life for so long a lease expires.
  LeaseFolder(std::filesystem::path folder, double seconds);
  ~LeaseFolder();
  LeaseFolder(const LeaseFolder&) = delete;
  LeaseFolder& operator=(const LeaseFolder&) = delete;

  /// Takes the lease of `name` (no "/" and no "."), if nobody has it. Throws kUnavailable where the
  /// folder cannot be written. The generation that is taken says how many holders were lost.
  std::optional<int64_t> take(const std::string& name);
  /// Whether the lease that this object took is still the one that counts.
  bool holds(const std::string& name, int64_t generation) const;
  /// A sign of life. Nothing happens where the file is gone.
  void touch(const std::string& name, int64_t generation) const;
  /// Gives the lease back, this generation and those before it.
  void release(const std::string& name, int64_t generation) const noexcept;

  /// The leases that are held now, for those who look on; by this machine's clock.
  static std::vector<std::string> held(const std::filesystem::path& folder, double seconds);
  const WorkerName& worker() const { return worker_; }

 private:
  std::filesystem::path file(const std::string& name, int64_t generation) const;
  bool has_expired(const std::filesystem::path& lease) const;

  std::filesystem::path folder_;
  double seconds_;
  WorkerName worker_;
};

/// A lease that is kept alive by a thread while this lives, and given back at the end.
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
