// The one exception type of the program, and the check macro. Errors are thrown where something is
// found to be wrong and caught at the edges only: a verb, a request, a data worker.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace blip2 {

enum class ErrorCode {
  kInvalidArgument,  ///< the command line, a configuration or an option is wrong (exit status 2)
  kNotFound,         ///< a file, a tensor or a record is missing
  kCorruptData,      ///< bytes that are not what they claim to be
  kUnsupported,      ///< well-formed, but something that this program does not do
  kUnavailable,      ///< a resource is missing now: disk space, a device, an asset to fetch
  kInterrupted,      ///< the user asked to stop (exit status 130)
  kInternal,         ///< a fault of this program
};

/// An error with a code. The message is one line: where, what was expected, what was found.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

/// Throws Error(code) with a message formatted as by fmt::format.
template <typename... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

namespace internal {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}  // namespace internal

}  // namespace blip2

/// States what must hold inside the program. What comes from outside gets a message by fail()
/// instead.
#define BLIP2_CHECK(condition) \
  ((condition) ? void(0) : ::blip2::internal::check_failed(#condition, __FILE__, __LINE__))
