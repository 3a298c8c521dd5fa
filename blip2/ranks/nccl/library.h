// The functions of NCCL that are needed, loaded when a run of several ranks on GPUs starts, so that
// building does not need NCCL. Signatures and numbers are those of nccl.h, stable since NCCL 2.7.
#pragma once

#include <cstddef>

namespace blip2 {

struct NcclId {
  char bytes[128];
};

/// The values of ncclDataType_t that are needed.
enum NcclType : int { kNcclInt8 = 0, kNcclInt64 = 4, kNcclFloat32 = 7, kNcclFloat64 = 8 };
inline constexpr int kNcclSum = 0;      // ncclRedOp_t
inline constexpr int kNcclSuccess = 0;  // ncclResult_t
inline constexpr int kNcclInProgress = 7;

using NcclComm = void*;    // ncclComm_t
using NcclStream = void*;  // cudaStream_t

/// Each function returns an ncclResult_t. Collectives only add their work to the stream.
struct NcclFunctions {
  int (*get_unique_id)(NcclId* id) = nullptr;
  int (*comm_init_rank)(NcclComm* comm, int num_ranks, NcclId id, int rank) = nullptr;
  int (*comm_destroy)(NcclComm comm) = nullptr;
  int (*comm_abort)(NcclComm comm) = nullptr;
  int (*comm_get_async_error)(NcclComm comm, int* error) = nullptr;
  int (*all_reduce)(const void* send, void* receive, size_t count, int type, int operation,
                    NcclComm comm, NcclStream stream) = nullptr;
  int (*all_gather)(const void* send, void* receive, size_t send_count, int type, NcclComm comm,
                    NcclStream stream) = nullptr;
  int (*send)(const void* data, size_t count, int type, int peer, NcclComm comm,
              NcclStream stream) = nullptr;
  int (*recv)(void* data, size_t count, int type, int peer, NcclComm comm,
              NcclStream stream) = nullptr;
  int (*group_start)() = nullptr;
  int (*group_end)() = nullptr;
  const char* (*get_error_string)(int result) = nullptr;
};

/// The functions of libnccl.so.2, which comes with torch's builds for CUDA. Throws kUnavailable if
/// the library or a function is missing.
const NcclFunctions& nccl_functions();

}  // namespace blip2
