// How a task says that one of many inputs cannot be used, while it goes on with the others.
#pragma once

#include <functional>
#include <string>

namespace blip2 {

/// Told about each input that cannot be used: its name, and why. Empty: such an input throws.
using FailedInput = std::function<void(const std::string& name, const std::string& reason)>;

}  // namespace blip2
