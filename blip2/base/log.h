// Logging to stderr. Results go to stdout and never through here.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace blip2 {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  bool json = false;        ///< one JSON object a line: {"time", "level", "message"}
  std::string prefix = {};  ///< before every message: "rank 1: "
};

/// Parses "debug", "info", "warning" or "error". Throws kInvalidArgument for anything else.
LogLevel parse_log_level(std::string_view name);

/// Sets level and form for the whole process. Call once, before other threads start.
void set_log_options(const LogOptions& options);

/// Whether stderr is for programs: nothing but JSON belongs there.
bool log_is_json();

/// Writes one line to stderr. Thread-safe; clears a progress bar on the line first.
void log_line(LogLevel level, const std::string& message);

template <typename... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace blip2
