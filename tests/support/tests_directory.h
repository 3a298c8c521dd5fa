// Where the goldens are. The one file that is compiled with a path of this machine is
// tests_directory.cpp, so that a compiler cache serves every clone.
#pragma once

#include <filesystem>

namespace blip2::testing {

/// The folder `tests` of the sources.
std::filesystem::path tests_directory();

}  // namespace blip2::testing
