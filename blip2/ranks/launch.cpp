// The variables of each launcher, and the communicator that follows from them.
#include "blip2/ranks/launch.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/ranks/nccl/communicator.h"
#include "blip2/ranks/rendezvous.h"
#ifdef BLIP2_WITH_MPI
#include "blip2/ranks/mpi/communicator.h"
#endif

namespace blip2 {
namespace {

using Variables = std::function<const char*(const char*)>;

/// The number at the start of a variable's value (Slurm writes "4(x2)").
std::optional<int64_t> number(const Variables& variable, const char* name) {
  const char* text = variable(name);
  if (text == nullptr) return std::nullopt;
  const std::string_view view(text);
  int64_t value = 0;
  if (std::from_chars(view.data(), view.data() + view.size(), value).ec != std::errc()) {
    return std::nullopt;
  }
  return value;
}

Launch of(Launcher launcher, int64_t rank, int64_t num_ranks,
          std::optional<int64_t> on_this_machine, std::optional<int64_t> place) {
  return {launcher, rank, num_ranks, std::clamp<int64_t>(on_this_machine.value_or(1), 1, num_ranks),
          std::max<int64_t>(place.value_or(0), 0)};
}

#ifdef BLIP2_WITH_MPI
/// Sends the id that rank 0 makes to all ranks, over MPI.
NcclId share_over_mpi(Communicator& mpi, const std::function<NcclId()>& make) {
  const NcclId own = mpi.rank() == 0 ? make() : NcclId{};
  at::Tensor bytes = at::empty({1, std::ssize(own.bytes)}, at::kByte);
  std::memcpy(bytes.mutable_data_ptr(), own.bytes, sizeof own.bytes);
  const at::Tensor all = mpi.all_gather(bytes);
  NcclId first;
  std::memcpy(first.bytes, all.const_data_ptr(), sizeof first.bytes);
  return first;
}
#endif

std::unique_ptr<Communicator> open_torchrun(const Launch& launch, at::Device device) {
  const auto meeting = std::make_shared<Rendezvous>(
      read_rendezvous([](const char* name) { return std::getenv(name); }), launch.rank);
  NcclOptions options{.rank = launch.rank, .num_ranks = launch.num_ranks, .device = device};
  options.share = [meeting](const std::function<NcclId()>& make) {
    const std::string bytes = meeting->share([&] {
      const NcclId made = make();
      return std::string(made.bytes, sizeof made.bytes);
    });
    NcclId id;
    BLIP2_CHECK(bytes.size() == sizeof id.bytes);
    std::memcpy(id.bytes, bytes.data(), sizeof id.bytes);
    return id;
  };
  return open_nccl(options);
}

}  // namespace

Launch read_launch(const Variables& variable) {
  const auto get = [&](const char* name) { return number(variable, name); };
  if (const auto size = get("OMPI_COMM_WORLD_SIZE"); size && *size > 1) {
    return of(Launcher::kMpi, get("OMPI_COMM_WORLD_RANK").value_or(0), *size,
              get("OMPI_COMM_WORLD_LOCAL_SIZE"), get("OMPI_COMM_WORLD_LOCAL_RANK"));
  }
  // A batch script is one process but has SLURM_NTASKS too; only srun's tasks have these variables.
  const auto tasks = get("SLURM_STEP_NUM_TASKS");
  const auto tasks_here = get("SLURM_STEP_TASKS_PER_NODE");
  if (const auto size = get("PMI_SIZE"); size && *size > 1) {
    return of(Launcher::kMpi, get("PMI_RANK").value_or(0), *size, tasks_here, get("SLURM_LOCALID"));
  }
  if (tasks && *tasks > 1 && variable("SLURM_PROCID") != nullptr) {
    const auto rank = get("PMIX_RANK");
    return of(rank ? Launcher::kMpi : Launcher::kSlurmWithoutMpi,
              rank ? *rank : get("SLURM_PROCID").value_or(0), *tasks, tasks_here,
              get("SLURM_LOCALID"));
  }
  const bool torchrun = variable("TORCHELASTIC_RUN_ID") != nullptr ||
                        (variable("MASTER_ADDR") != nullptr && get("WORLD_SIZE").value_or(1) > 1);
  if (torchrun && get("RANK")) {
    return of(Launcher::kTorchrun, *get("RANK"),
              std::max<int64_t>(1, get("WORLD_SIZE").value_or(1)), get("LOCAL_WORLD_SIZE"),
              get("LOCAL_RANK"));
  }
  return {};
}

Launch read_launch() {
  return read_launch([](const char* name) { return std::getenv(name); });
}

std::unique_ptr<Communicator> open_communicator(const Launch& launch,
                                                const CommunicatorOptions& options) {
  switch (launch.launcher) {
    case Launcher::kNone:
      return std::make_unique<SingleProcess>();
    case Launcher::kTorchrun:
      if (!options.device.is_cpu()) return open_torchrun(launch, options.device);
      fail(ErrorCode::kInvalidArgument,
           "started by torchrun, which needs NCCL: expected --device cuda; for the CPU use: mpirun "
           "-n {} blip2 train CONFIG.yaml",
           launch.num_ranks);
    case Launcher::kSlurmWithoutMpi:
      fail(ErrorCode::kInvalidArgument,
           "started by srun as {} tasks without MPI: expected srun --mpi=pmix (srun --mpi=list "
           "shows what is installed)",
           launch.num_ranks);
    case Launcher::kMpi:
      break;
  }
#ifdef BLIP2_WITH_MPI
  std::unique_ptr<Communicator> opened = open_mpi({.silence_limit_s = options.silence_limit_s});
  if (options.device.is_cpu()) return opened;
  const std::shared_ptr<Communicator> mpi = std::move(opened);
  NcclOptions nccl{.rank = mpi->rank(), .num_ranks = mpi->world_size(), .device = options.device};
  nccl.share = [mpi](const std::function<NcclId()>& make) { return share_over_mpi(*mpi, make); };
  nccl.watch = mpi;
  return open_nccl(nccl);
#else
  static_cast<void>(options);
  fail(ErrorCode::kInvalidArgument,
       "started as rank {} of {}, but this blip2 was built without MPI; build it where Debian's "
       "libopenmpi-dev is installed (tools/install_deps does that)",
       launch.rank, launch.num_ranks);
#endif
}

}  // namespace blip2
