// What a call throws.
#pragma once

#include <gmock/gmock.h>

#include <functional>
#include <string>
#include <utility>

#include "blip2/base/error.h"

namespace blip2::testing {

/// The code and the message (one line) of the Error that `call` throws.
inline std::pair<ErrorCode, std::string> error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_THAT(std::string(error.what()), ::testing::Not(::testing::HasSubstr("\n")));
    return {error.code(), error.what()};
  }
  ADD_FAILURE() << "expected an Error";
  return {ErrorCode::kInternal, ""};
}

}  // namespace blip2::testing
