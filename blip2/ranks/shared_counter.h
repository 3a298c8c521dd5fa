// A counter that the processes of a job share: it gives each number to one process. No process
// waits for the work of another.
#pragma once

#include <cstdint>

namespace blip2 {

class SharedCounter {
 public:
  virtual ~SharedCounter() = default;
  /// The next of 0, 1, 2, ... that no process has. Throws kUnavailable. One thread at a time.
  virtual int64_t next() = 0;
};

}  // namespace blip2
