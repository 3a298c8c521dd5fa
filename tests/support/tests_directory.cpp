// The path of the sources, which CMake defines.
#include "tests/support/tests_directory.h"

namespace blip2::testing {

std::filesystem::path tests_directory() { return BLIP2_TESTS_DIR; }

}  // namespace blip2::testing
