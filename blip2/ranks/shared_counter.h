// A counter that the processes of a job share: each number is given out once, to whoever asks. No
// process waits for another's work.
#pragma once

#include <cstdint>
#include <memory>

#include "blip2/ranks/launch.h"

namespace blip2 {

class SharedCounter {
 public:
  virtual ~SharedCounter() = default;
  /// 0, 1, 2, ...: the next that nobody has. Throws kUnavailable. One thread at a time.
  virtual int64_t next() = 0;
};

/// The counter of all ranks under MPI; else one of this process alone (jobs that are started on
/// their own, as those of a Slurm array are, do not know each other). Throws kInvalidArgument where
/// there are ranks and this program was built without MPI; as open_mpi_counter().
std::unique_ptr<SharedCounter> open_shared_counter(const Launch& launch);

}  // namespace blip2
