// Loads the library by dlopen() and finds each function by name.
#include "blip2/ranks/nccl/library.h"

#include <dlfcn.h>

#include <type_traits>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

constexpr const char* kLibrary = "libnccl.so.2";

NcclFunctions load() {
  void* const library = ::dlopen(kLibrary, RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    fail(ErrorCode::kUnavailable, "several ranks on GPUs need NCCL: {}", ::dlerror());
  }
  NcclFunctions functions;
  const auto find = [&](auto& function, const char* name) {
    function =
        reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
    if (function == nullptr) {
      fail(ErrorCode::kUnavailable, "{}: expected NCCL 2.7 or later: {}", kLibrary, ::dlerror());
    }
  };
  find(functions.get_unique_id, "ncclGetUniqueId");
  find(functions.comm_init_rank, "ncclCommInitRank");
  find(functions.comm_destroy, "ncclCommDestroy");
  find(functions.comm_abort, "ncclCommAbort");
  find(functions.comm_get_async_error, "ncclCommGetAsyncError");
  find(functions.all_reduce, "ncclAllReduce");
  find(functions.all_gather, "ncclAllGather");
  find(functions.send, "ncclSend");
  find(functions.recv, "ncclRecv");
  find(functions.group_start, "ncclGroupStart");
  find(functions.group_end, "ncclGroupEnd");
  find(functions.get_error_string, "ncclGetErrorString");
  return functions;
}

}  // namespace

const NcclFunctions& nccl_functions() {
  static const NcclFunctions functions = load();
  return functions;
}

}  // namespace blip2
