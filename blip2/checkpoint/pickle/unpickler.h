// A restricted unpickler: the part of the pickle protocols 2 to 5 that torch.save uses. It calls
// nothing: globals on its list only name what is built here (tensors, dictionaries, lists, numbers,
// texts); what any other global would make comes out as an opaque value that carries the
// global's name. Storages and tensors come out as descriptions; torch_archive.h finds their bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "blip2/checkpoint/pickle/pickle.h"

namespace blip2 {

/// Reads the pickle at the front of `bytes`. `path` is for messages. Throws kCorruptData, or
/// kUnsupported for another protocol, an opcode outside the subset, or a global that runs programs
/// or code (os.system, eval); the message names it.
Pickle unpickle(std::span<const std::byte> bytes, const std::string& path);

}  // namespace blip2
