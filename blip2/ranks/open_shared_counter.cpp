// The choice between the counters, and that of a single process.
#include "blip2/ranks/open_shared_counter.h"

#include "blip2/base/error.h"
#ifdef BLIP2_WITH_MPI
#include "blip2/ranks/mpi/counter.h"
#endif

namespace blip2 {
namespace {

class OwnCounter final : public SharedCounter {
 public:
  int64_t next() override { return next_++; }

 private:
  int64_t next_ = 0;
};

}  // namespace

std::unique_ptr<SharedCounter> open_shared_counter(const Launch& launch) {
  if (launch.launcher != Launcher::kMpi) return std::make_unique<OwnCounter>();
#ifdef BLIP2_WITH_MPI
  return open_mpi_counter();
#else
  fail(ErrorCode::kInvalidArgument,
       "started as rank {} of {}, but this blip2 was built without MPI; build it where Debian's "
       "libopenmpi-dev is installed, or start workers separately: they share the folder",
       launch.rank, launch.num_ranks);
#endif
}

}  // namespace blip2
