#include "blip2/base/error.h"

namespace blip2::internal {

void check_failed(const char* condition, const char* file, int line) {
  fail(ErrorCode::kInternal, "{}:{}: internal check failed: {}", file, line, condition);
}

}  // namespace blip2::internal
