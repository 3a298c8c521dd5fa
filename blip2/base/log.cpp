// The program's log levels and formats, written by spdlog.
#include "blip2/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"

namespace blip2 {
namespace {

struct Logger {
  std::shared_ptr<spdlog::logger> sink = spdlog::stderr_logger_mt("blip2");
  bool json = false;
  std::string prefix;
  bool terminal = isatty(STDERR_FILENO) != 0;
  Logger() { sink->set_pattern("%H:%M:%S %l: %v"); }
};

Logger& logger() {
  static Logger instance;
  return instance;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

LogLevel parse_log_level(std::string_view name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "info") return LogLevel::kInfo;
  if (name == "warning") return LogLevel::kWarning;
  if (name == "error") return LogLevel::kError;
  fail(ErrorCode::kInvalidArgument, "--log-level: expected debug, info, warning or error, found {}",
       quote(name));
}

void set_log_options(const LogOptions& options) {
  Logger& state = logger();
  state.json = options.json;
  state.prefix = options.prefix;
  state.sink->set_level(spdlog_level(options.level));
  state.sink->set_pattern(options.json
                              ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e","level":"%l","message":%v})"
                              : "%H:%M:%S %l: %v");
}

bool log_is_json() { return logger().json; }

void log_line(LogLevel level, const std::string& message) {
  Logger& state = logger();
  if (state.json) {
    using Json = nlohmann::json;
    state.sink->log(
        spdlog_level(level),
        Json(state.prefix + message).dump(-1, ' ', true, Json::error_handler_t::replace));
    return;
  }
  if (state.terminal) std::fputs("\r\x1b[K", stderr);
  state.sink->log(spdlog_level(level), escaped_text(state.prefix + message));
}

}  // namespace blip2
