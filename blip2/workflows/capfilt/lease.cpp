// Lease files by POSIX calls, because exclusive creation and file times are what they rest on.
#include "blip2/workflows/capfilt/lease.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/json_text.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

std::string first_line(const char* path) {
  try {
    const std::string text = read_file(path);
    return text.substr(0, text.find('\n'));
  } catch (const Error&) {
    return "";
  }
}

std::string link_text(const char* path) {
  std::error_code error;
  return fs::read_symlink(path, error).string();
}

/// When a process of this machine started, in clock ticks since the boot; "" if there is none.
std::string start_of(int64_t process) {
  const std::string stat = first_line(fmt::format("/proc/{}/stat", process).c_str());
  size_t at = stat.rfind(')');  // the program's name may contain spaces and brackets
  if (at == std::string::npos) return "";
  if (stat.compare(at, 3, ") Z") == 0) return "";  // a zombie: it has ended
  for (int field = 2; field < 22 && at != std::string::npos; ++field) at = stat.find(' ', at + 1);
  return at == std::string::npos ? "" : stat.substr(at + 1, stat.find(' ', at + 1) - at - 1);
}

std::string this_machine() {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return fmt::format("{} {} {}", host, first_line("/proc/sys/kernel/random/boot_id"),
                     link_text("/proc/self/ns/pid"));
}

std::string to_text(const WorkerName& worker) {
  const nlohmann::ordered_json json = {{"machine", worker.machine},
                                       {"process", worker.process},
                                       {"started", worker.started},
                                       {"token", worker.token}};
  return json_on_one_line(json) + "\n";
}

/// Nothing for a file that is gone, or empty because its writer was stopped between two calls.
std::optional<WorkerName> read_worker(const fs::path& lease) {
  try {
    const auto json = nlohmann::json::parse(read_file(lease));
    return WorkerName{json.at("machine"), json.at("process"), json.at("started"), json.at("token")};
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

/// Sets the time of a file by the file server's clock. False where there is no such file.
bool touch_file(const fs::path& path) {
  return ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0) == 0;
}

std::optional<double> time_of(const fs::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return static_cast<double>(status.st_mtim.tv_sec) +
         1e-9 * static_cast<double>(status.st_mtim.tv_nsec);
}

/// The present time by the clock that stamps the files of a folder.
double folder_now(const fs::path& clock) {
  const int descriptor = ::open(clock.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  const bool is_open = descriptor >= 0;
  if (is_open) ::close(descriptor);
  const std::optional<double> now = is_open && touch_file(clock) ? time_of(clock) : std::nullopt;
  if (!now) {
    fail(ErrorCode::kUnavailable, "{}: cannot write: {}", clock.string(), std::strerror(errno));
  }
  return *now;
}

/// A lease by its file's name.
struct LeaseFile {
  std::string name;
  int64_t generation = 0;
};

std::optional<LeaseFile> parse_name(const std::string& file) {
  const size_t dot = file.find('.');
  if (dot == std::string::npos || dot == 0) return std::nullopt;
  LeaseFile lease{file.substr(0, dot), 0};
  const char* const end = file.data() + file.size();
  const auto [at, error] = std::from_chars(file.data() + dot + 1, end, lease.generation);
  if (error != std::errc() || at != end) return std::nullopt;
  return lease;
}

/// The highest generation of each lease.
std::vector<LeaseFile> current_leases(const fs::path& folder) {
  std::vector<LeaseFile> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::optional<LeaseFile> lease = parse_name(entry->path().filename().string());
    if (!lease) continue;
    const auto same = std::find_if(found.begin(), found.end(), [&](const LeaseFile& other) {
      return other.name == lease->name;
    });
    if (same == found.end()) {
      found.push_back(*lease);
    } else {
      same->generation = std::max(same->generation, lease->generation);
    }
  }
  return found;
}

int64_t highest_generation(const fs::path& folder, const std::string& name) {
  for (const LeaseFile& lease : current_leases(folder)) {
    if (lease.name == name) return lease.generation;
  }
  return 0;
}

/// Whether a holder is known to be gone: a process of this machine that has ended.
bool is_gone(const WorkerName& holder) {
  return holder.machine == this_machine() && start_of(holder.process) != holder.started;
}

}  // namespace

WorkerName WorkerName::own() {
  std::random_device device;
  return {this_machine(), ::getpid(), start_of(::getpid()),
          fmt::format("{:08x}{:08x}", device(), device())};
}

std::string WorkerName::text() const {
  return fmt::format("{}:{}", machine.substr(0, machine.find(' ')), process);
}

LeaseFolder::LeaseFolder(fs::path folder, double seconds)
    : folder_(std::move(folder)), seconds_(seconds), worker_(WorkerName::own()) {
  make_directories(folder_);
}

LeaseFolder::~LeaseFolder() { ::unlink((folder_ / (".clock-" + worker_.token)).c_str()); }

fs::path LeaseFolder::file(const std::string& name, int64_t generation) const {
  return folder_ / fmt::format("{}.{}", name, generation);
}

bool LeaseFolder::has_expired(const fs::path& lease) const {
  const std::optional<WorkerName> holder = read_worker(lease);
  if (holder && is_gone(*holder)) return true;
  const std::optional<double> seen = time_of(lease);
  if (!seen) return true;  // given back meanwhile
  return folder_now(folder_ / (".clock-" + worker_.token)) - *seen > seconds_;
}

std::optional<int64_t> LeaseFolder::take(const std::string& name) {
  BLIP2_CHECK(!name.empty() && name.find_first_of("./") == std::string::npos);
  const int64_t current = highest_generation(folder_, name);
  if (current > 0 && !has_expired(file(name, current))) return std::nullopt;
  const fs::path next = file(name, current + 1);
  const int descriptor = ::open(next.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (descriptor < 0 && errno == EEXIST) return std::nullopt;  // another worker was faster
  const std::string text = to_text(worker_);
  const bool is_written = descriptor >= 0 && ::write(descriptor, text.data(), text.size()) ==
                                                 static_cast<ssize_t>(text.size());
  const int reason = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!is_written) {
    if (descriptor >= 0) ::unlink(next.c_str());
    fail(ErrorCode::kUnavailable, "{}: cannot write: {}", next.string(), std::strerror(reason));
  }
  return current + 1;
}

bool LeaseFolder::holds(const std::string& name, int64_t generation) const {
  if (highest_generation(folder_, name) != generation) return false;
  const std::optional<WorkerName> holder = read_worker(file(name, generation));
  return holder && holder->token == worker_.token;
}

void LeaseFolder::touch(const std::string& name, int64_t generation) const {
  touch_file(file(name, generation));
}

/// Removes the highest generation last: until then no other worker can take the lease.
void LeaseFolder::release(const std::string& name, int64_t generation) const noexcept {
  for (int64_t old = 1; old <= generation; ++old) ::unlink(file(name, old).c_str());
}

std::vector<std::string> LeaseFolder::held(const fs::path& folder, double seconds) {
  std::vector<std::string> names;
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  const double now = std::chrono::duration<double>(since_1970).count();
  for (const LeaseFile& lease : current_leases(folder)) {
    const fs::path path = folder / fmt::format("{}.{}", lease.name, lease.generation);
    const std::optional<WorkerName> holder = read_worker(path);
    const std::optional<double> seen = time_of(path);
    const bool has_expired = !seen || now - *seen > seconds || (holder && is_gone(*holder));
    if (!has_expired) names.push_back(lease.name);
  }
  return names;
}

HeldLease::HeldLease(const LeaseFolder& folder, std::string name, int64_t generation,
                     double touch_every_s)
    : folder_(folder),
      name_(std::move(name)),
      generation_(generation),
      touch_every_s_(touch_every_s),
      thread_([this] { keep_alive(); }) {}

HeldLease::~HeldLease() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
  if (holds()) folder_.release(name_, generation_);
}

void HeldLease::keep_alive() {
  std::unique_lock lock(mutex_);
  const auto pause = std::chrono::duration<double>(touch_every_s_);
  while (!wake_.wait_for(lock, pause, [this] { return ending_; })) {
    folder_.touch(name_, generation_);
  }
}

}  // namespace blip2
