// The exception's constructor and the failure of BLIP2_CHECK.
#include "blip2/base/error.h"

namespace blip2::internal {

void check_failed(const char* condition, const char* file, int line) {
  fail(ErrorCode::kInternal, "{}:{}: internal check failed: {}", file, line, condition);
}

}  // namespace blip2::internal
