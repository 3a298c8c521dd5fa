// The list of globals that a weight file may name and what each means, and the list of those that
// only a malicious file names.
#pragma once

#include <optional>
#include <string_view>

#include "blip2/checkpoint/pickle/pickle.h"

namespace blip2 {

/// Looks up "module.name"; nothing if it is not on the list.
std::optional<PickleGlobal> find_pickle_global(std::string_view name);

/// Whether "module.name" runs programs or code (os.system, builtins.eval): a file that names it is
/// refused as a whole. Nothing in a file is ever run, so this list is for the user's sake and need
/// not be complete.
bool is_hostile_pickle_global(std::string_view name);

}  // namespace blip2
