// NCCL's functions, done by MPI in the order of a stream.
#include "tests/device/over_mpi_nccl.h"

#include <mpi.h>

#include <cstring>
#include <functional>
#include <vector>

#include "blip2/base/error.h"
#include "tests/device/strict_device.h"

namespace blip2::testing {
namespace {

MPI_Comm comm_of(NcclComm comm) { return *static_cast<MPI_Comm*>(comm); }

size_t size_of(int type) { return type == kNcclInt8 ? 1 : type == kNcclFloat32 ? 4 : 8; }

template <typename T>
void sum_parts(const std::vector<std::byte>& parts, size_t count, int num_ranks, std::byte* out) {
  const T* values = reinterpret_cast<const T*>(parts.data());
  T* sums = reinterpret_cast<T*>(out);
  for (size_t i = 0; i < count; ++i) {
    T sum = values[i];
    for (size_t rank = 1; rank < static_cast<size_t>(num_ranks); ++rank) {
      sum += values[rank * count + i];
    }
    sums[i] = sum;
  }
}

int get_unique_id(NcclId* id) {
  std::memcpy(id->bytes, "over MPI", 9);
  return kNcclSuccess;
}

int comm_init_rank(NcclComm* comm, int num_ranks, NcclId id, int rank) {
  int world = 0, own = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &world);
  MPI_Comm_rank(MPI_COMM_WORLD, &own);
  if (std::memcmp(id.bytes, "over MPI", 9) != 0 || num_ranks != world || rank != own) return 4;
  auto* made = new MPI_Comm;
  MPI_Comm_dup(MPI_COMM_WORLD, made);
  *comm = made;
  return kNcclSuccess;
}

int comm_destroy(NcclComm comm) {
  MPI_Comm_free(static_cast<MPI_Comm*>(comm));
  delete static_cast<MPI_Comm*>(comm);
  return kNcclSuccess;
}

int comm_get_async_error(NcclComm, int* error) {
  *error = kNcclSuccess;
  return kNcclSuccess;
}

int all_reduce(const void* send, void* receive, size_t count, int type, int operation,
               NcclComm comm, NcclStream stream) {
  if (operation != kNcclSum) return 4;
  enqueue(stream, [=] {
    const size_t bytes = count * size_of(type);
    int num_ranks = 0;
    MPI_Comm_size(comm_of(comm), &num_ranks);
    std::vector<std::byte> parts(bytes * static_cast<size_t>(num_ranks));
    MPI_Allgather(send, static_cast<int>(bytes), MPI_BYTE, parts.data(), static_cast<int>(bytes),
                  MPI_BYTE, comm_of(comm));
    scramble_bytes(parts.data(), parts.size());
    auto* out = static_cast<std::byte*>(receive);
    if (type == kNcclFloat32) sum_parts<float>(parts, count, num_ranks, out);
    if (type == kNcclFloat64) sum_parts<double>(parts, count, num_ranks, out);
    if (type == kNcclInt64) sum_parts<int64_t>(parts, count, num_ranks, out);
    scramble_bytes(out, bytes);
  });
  return kNcclSuccess;
}

int all_gather(const void* send, void* receive, size_t count, int type, NcclComm comm,
               NcclStream stream) {
  enqueue(stream, [=] {
    const int bytes = static_cast<int>(count * size_of(type));
    MPI_Allgather(send, bytes, MPI_BYTE, receive, bytes, MPI_BYTE, comm_of(comm));
  });
  return kNcclSuccess;
}

/// What was asked for since group_start().
struct Transfer {
  const void* from;
  void* to;
  int bytes, peer;
  NcclComm comm;
  NcclStream stream;
};
thread_local std::vector<Transfer> group;
thread_local bool is_grouped = false;

int send(const void* data, size_t count, int type, int peer, NcclComm comm, NcclStream stream) {
  if (!is_grouped) return 5;  // alone it may wait for ever
  group.push_back({data, nullptr, static_cast<int>(count * size_of(type)), peer, comm, stream});
  return kNcclSuccess;
}

int recv(void* data, size_t count, int type, int peer, NcclComm comm, NcclStream stream) {
  if (!is_grouped) return 5;
  group.push_back({nullptr, data, static_cast<int>(count * size_of(type)), peer, comm, stream});
  return kNcclSuccess;
}

int group_start() {
  is_grouped = true;
  return kNcclSuccess;
}

int group_end() {
  is_grouped = false;
  if (group.empty()) return kNcclSuccess;
  enqueue(group[0].stream, [transfers = group] {
    std::vector<MPI_Request> requests;
    for (const Transfer& t : transfers) {
      MPI_Request& request = requests.emplace_back();
      if (t.to != nullptr) {
        MPI_Irecv(t.to, t.bytes, MPI_BYTE, t.peer, 0, comm_of(t.comm), &request);
      } else {
        MPI_Isend(t.from, t.bytes, MPI_BYTE, t.peer, 0, comm_of(t.comm), &request);
      }
    }
    MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
  });
  group.clear();
  return kNcclSuccess;
}

const char* get_error_string(int result) {
  return result == 4 ? "invalid argument" : result == 5 ? "invalid usage" : "unknown error";
}

}  // namespace

const NcclFunctions& nccl_over_mpi() {
  static const NcclFunctions functions = {
      get_unique_id, comm_init_rank,  comm_destroy, comm_destroy, comm_get_async_error,
      all_reduce,    all_gather,      send,         recv,         group_start,
      group_end,     get_error_string};
  return functions;
}

}  // namespace blip2::testing
