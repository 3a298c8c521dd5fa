// Preloaded into the program (LD_PRELOAD), makes one of its calls on files below a folder go wrong.
//
//   FAULT_FOLDER  paths below it count
//   FAULT_BUT     but for those below this one
//   FAULT_KIND    kill: the process is gone before the call; torn: a write stops half way, then the
//   process is gone;
//                 full: this call and every later one but unlink, which gives room back, find the
//                 disk full; readonly: they find it read-only; count: none goes wrong
//   FAULT_AT      which call, from 1
//   FAULT_CALLS   a file that gets a line of every call: its name and the path, a folder's with a
//   slash behind it
//
// Counted are write and writev, fflush of one stream, fsync, close of what was open to be written,
// rename, mkdir, unlink, and open that may make a file.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio_ext.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <type_traits>

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

struct Plan {
  std::string folder = variable("FAULT_FOLDER"), but = variable("FAULT_BUT");
  std::string kind = variable("FAULT_KIND");
  long at = std::atol(variable("FAULT_AT").c_str());
  std::atomic<long> calls{0};

  int list = -1;  // descriptor of FAULT_CALLS

  Plan() {
    const std::string file = variable("FAULT_CALLS");
    if (!file.empty()) list = ::creat(file.c_str(), 0644);
  }
  /// At every call: the program leaves without destructors.
  void note(const std::string& call, const std::string& path) const {
    if (list >= 0) ::dprintf(list, "%s %s\n", call.c_str(), path.c_str());
  }
  bool covers(const std::string& path) const {
    if (folder.empty() || !path.starts_with(folder)) return false;
    return but.empty() || !path.starts_with(but);
  }
};

Plan& plan() {
  static Plan made;
  return made;
}

std::string path_of(int descriptor) {
  if (plan().folder.empty()) return "";
  char path[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t length = ::readlink(link.c_str(), path, sizeof path);
  struct stat status{};
  const bool is_folder = ::fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode);
  return length < 0 ? "" : std::string(path, static_cast<size_t>(length)) + (is_folder ? "/" : "");
}

enum class Fate { kGoOn, kFail, kTear };

/// Counts a call and says what becomes of it; does not return where the process is to be gone.
Fate next_call(const std::string& call, const std::string& path) {
  Plan& p = plan();
  const long number = ++p.calls;
  p.note(call, path);
  if (p.at <= 0 || p.kind == "count") return Fate::kGoOn;
  if (p.kind == "kill" && number == p.at) ::raise(SIGKILL);
  if (p.kind == "torn" && number == p.at) return Fate::kTear;
  const bool fails = p.kind == "readonly" || (p.kind == "full" && call != "unlink");
  if (fails && number >= p.at) {
    errno = p.kind == "full" ? ENOSPC : EROFS;
    return Fate::kFail;
  }
  return Fate::kGoOn;
}

template <typename Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// `run()` unless the fault is its own; `half()` where it stops half way.
template <typename Run, typename Half = void (*)()>
auto unless_faulty(
    const char* call, const std::string& path, Run run, Half half = [] {}) -> decltype(run()) {
  if (plan().covers(path)) {
    const Fate fate = next_call(call, path);
    if (fate == Fate::kTear) {
      half();
      ::raise(SIGKILL);
    }
    if (fate == Fate::kFail) {
      if constexpr (std::is_pointer_v<decltype(run())>) return nullptr;
      return decltype(run())(-1);
    }
  }
  return run();
}

}  // namespace

extern "C" {

ssize_t write(int descriptor, const void* data, size_t size) {
  static auto* const next = real<ssize_t(int, const void*, size_t)>("write");
  return unless_faulty(
      "write", path_of(descriptor), [&] { return next(descriptor, data, size); },
      [&] { (void)!next(descriptor, data, size / 2); });
}

ssize_t writev(int descriptor, const iovec* pieces, int count) {
  static auto* const next = real<ssize_t(int, const iovec*, int)>("writev");
  return unless_faulty(
      "write", path_of(descriptor), [&] { return next(descriptor, pieces, count); },
      [&] { (void)!next(descriptor, pieces, count / 2); });
}

/// The C library writes a stream's bytes by a call of its own, which nothing can come before.
int fflush(FILE* stream) {
  static auto* const next = real<int(FILE*)>("fflush");
  const std::string path = stream == nullptr ? "" : path_of(::fileno(stream));
  const int flushed = unless_faulty("fflush", path, [&] { return next(stream); });
  if (flushed != 0 && plan().covers(path)) ::__fpurge(stream);
  return flushed;
}

int fsync(int descriptor) {
  static auto* const next = real<int(int)>("fsync");
  return unless_faulty("fsync", path_of(descriptor), [&] { return next(descriptor); });
}

/// Whatever it returns, the descriptor is gone.
int close(int descriptor) {
  static auto* const next = real<int(int)>("close");
  const bool is_written = (::fcntl(descriptor, F_GETFL) & O_ACCMODE) != O_RDONLY;
  const std::string path = is_written ? path_of(descriptor) : "";
  const int closed = next(descriptor);
  return unless_faulty("close", path, [&] { return closed; });
}

int rename(const char* from, const char* to) {
  static auto* const next = real<int(const char*, const char*)>("rename");
  return unless_faulty("rename", to, [&] { return next(from, to); });
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to,
              unsigned int flags) {
  static auto* const next =
      real<int(int, const char*, int, const char*, unsigned int)>("renameat2");
  return unless_faulty("rename", to, [&] { return next(from_folder, from, to_folder, to, flags); });
}

int mkdir(const char* path, mode_t mode) {
  static auto* const next = real<int(const char*, mode_t)>("mkdir");
  return unless_faulty("mkdir", path, [&] { return next(path, mode); });
}

char* mkdtemp(char* pattern) {
  static auto* const next = real<char*(char*)>("mkdtemp");
  return unless_faulty("mkdir", pattern, [&] { return next(pattern); });
}

int unlink(const char* path) {
  static auto* const next = real<int(const char*)>("unlink");
  return unless_faulty("unlink", path, [&] { return next(path); });
}

int unlinkat(int folder, const char* path, int flags) {
  static auto* const next = real<int(int, const char*, int)>("unlinkat");
  return unless_faulty("unlink", folder == AT_FDCWD ? path : path_of(folder),
                       [&] { return next(folder, path, flags); });
}

int open(const char* path, int flags, ...) {
  static auto* const next = real<int(const char*, int, ...)>("open");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  if ((flags & O_CREAT) == 0) return next(path, flags);
  return unless_faulty("open", path, [&] { return next(path, flags, mode); });
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return open(path, flags, mode);
}

FILE* fopen(const char* path, const char* mode) {
  static auto* const next = real<FILE*(const char*, const char*)>("fopen");
  if (mode[0] == 'r') return next(path, mode);
  return unless_faulty("open", path, [&] { return next(path, mode); });
}

FILE* fopen64(const char* path, const char* mode) { return fopen(path, mode); }

}  // extern "C"
