// The list of globals that a weight file may name, and what each stands for.
#pragma once

#include <optional>
#include <string_view>

#include "blip2/checkpoint/unpickler.h"

namespace blip2 {

/// Looks up "module.name"; nothing if it is not on the list.
std::optional<PickleGlobal> find_pickle_global(std::string_view name);

}  // namespace blip2
