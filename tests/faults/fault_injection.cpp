// Preloaded into the program (LD_PRELOAD), makes one of its calls on files below a folder go wrong.
//
//   FAULT_FOLDER  paths below it count
//   FAULT_BUT     but for those below this one
//   FAULT_KIND    kill: the process is gone before the call; torn: a write stops half way, then the
//   process is gone;
//                 full: this call and every later one find the disk full; readonly: they find it
//                 read-only; count: none goes wrong
//   FAULT_AT      which call, from 1
//   FAULT_COUNT   a file that gets the number of calls so far
//
// Counted are write, fsync, rename, mkdir, unlink, and open with O_CREAT.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_below(const char* path, const std::string& folder) {
  return std::strncmp(path, folder.c_str(), folder.size()) == 0;
}

struct Plan {
  std::string folder = variable("FAULT_FOLDER"), but = variable("FAULT_BUT");
  std::string kind = variable("FAULT_KIND");
  long at = std::atol(variable("FAULT_AT").c_str());
  std::atomic<long> calls{0};

  int count = -1;  // descriptor of FAULT_COUNT

  Plan() {
    const std::string file = variable("FAULT_COUNT");
    if (!file.empty()) count = ::creat(file.c_str(), 0644);
  }
  /// At every call: the program leaves without destructors.
  void note(long number) const {
    if (count < 0) return;
    const std::string text = std::to_string(number) + "\n";
    (void)!::pwrite(count, text.data(), text.size(), 0);
  }
  bool covers(const char* path) const {
    if (folder.empty() || path == nullptr || !is_below(path, folder)) return false;
    return but.empty() || !is_below(path, but);
  }
};

Plan& plan() {
  static Plan made;
  return made;
}

std::string path_of(int descriptor) {
  char path[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t length = ::readlink(link.c_str(), path, sizeof path);
  return length < 0 ? "" : std::string(path, static_cast<size_t>(length));
}

enum class Fate { kGoOn, kFail, kTear };

/// Counts a call and says what becomes of it; does not return where the process is to be gone.
Fate next_call() {
  Plan& p = plan();
  const long number = ++p.calls;
  p.note(number);
  if (p.at <= 0 || p.kind == "count") return Fate::kGoOn;
  if (p.kind == "kill" && number == p.at) ::raise(SIGKILL);
  if (p.kind == "torn" && number == p.at) return Fate::kTear;
  if ((p.kind == "full" || p.kind == "readonly") && number >= p.at) {
    errno = p.kind == "full" ? ENOSPC : EROFS;
    return Fate::kFail;
  }
  return Fate::kGoOn;
}

template <typename Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// `call()` unless the fault is its own.
template <typename Call>
int unless_faulty(bool counts, Call call) {
  if (counts) {
    const Fate fate = next_call();
    if (fate == Fate::kFail) return -1;
    if (fate == Fate::kTear) ::raise(SIGKILL);
  }
  return call();
}

}  // namespace

extern "C" {

ssize_t write(int descriptor, const void* data, size_t size) {
  static auto* const next = real<ssize_t(int, const void*, size_t)>("write");
  if (plan().folder.empty() || !plan().covers(path_of(descriptor).c_str()))
    return next(descriptor, data, size);
  const Fate fate = next_call();
  if (fate == Fate::kFail) return -1;
  if (fate == Fate::kTear) {
    (void)!next(descriptor, data, size / 2);
    ::raise(SIGKILL);
  }
  return next(descriptor, data, size);
}

int fsync(int descriptor) {
  static auto* const next = real<int(int)>("fsync");
  return unless_faulty(plan().covers(path_of(descriptor).c_str()),
                       [&] { return next(descriptor); });
}

int rename(const char* from, const char* to) {
  static auto* const next = real<int(const char*, const char*)>("rename");
  return unless_faulty(plan().covers(to), [&] { return next(from, to); });
}

int mkdir(const char* path, mode_t mode) {
  static auto* const next = real<int(const char*, mode_t)>("mkdir");
  return unless_faulty(plan().covers(path), [&] { return next(path, mode); });
}

int unlink(const char* path) {
  static auto* const next = real<int(const char*)>("unlink");
  return unless_faulty(plan().covers(path), [&] { return next(path); });
}

int unlinkat(int folder, const char* path, int flags) {
  static auto* const next = real<int(int, const char*, int)>("unlinkat");
  const bool counts = plan().covers(folder == AT_FDCWD ? path : path_of(folder).c_str());
  return unless_faulty(counts, [&] { return next(folder, path, flags); });
}

int open(const char* path, int flags, ...) {
  static auto* const next = real<int(const char*, int, ...)>("open");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return unless_faulty((flags & O_CREAT) != 0 && plan().covers(path),
                       [&] { return next(path, flags, mode); });
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return open(path, flags, mode);
}

}  // extern "C"
