// Which of several texts a model can read for image-text features: one that it cannot is a failed
// input of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "blip2/base/error.h"

namespace blip2 {

struct Bundle;

struct UnusableText {
  size_t place = 0;  ///< in the list
  Error error;
};

/// The texts that text_ids() refuses, in order. What it refuses of every text is no fault of a text
/// and throws.
std::vector<UnusableText> find_unusable_texts(const Bundle& bundle,
                                              const std::vector<std::string>& texts,
                                              int64_t max_text_length);

}  // namespace blip2
