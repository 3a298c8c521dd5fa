// What `blip2 --version` prints.
#pragma once

#include <string>

namespace blip2 {

/// Version, torch's version, CPU features in use, devices: a line each. Initialises nothing.
std::string version_text();

}  // namespace blip2
