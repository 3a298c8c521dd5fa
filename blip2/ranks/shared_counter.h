// A counter that the processes of a job share: each number is given out once, to whoever asks. No
// process waits for another's work.
#pragma once

#include <cstdint>

namespace blip2 {

class SharedCounter {
 public:
  virtual ~SharedCounter() = default;
  /// 0, 1, 2, ...: the next that nobody has. Throws kUnavailable. One thread at a time.
  virtual int64_t next() = 0;
};

}  // namespace blip2
