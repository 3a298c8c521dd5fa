// The clock that durations are measured with.
#pragma once

#include <chrono>

namespace blip2 {

/// Seconds since a fixed point in the past; never goes back.
inline double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace blip2
