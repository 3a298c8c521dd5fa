// Draws of tokens from scores, by a stream of our own: the same seed draws the same text anywhere.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "blip2/base/random.h"

namespace blip2 {

/// Draws an index with probability softmax(scores); -infinity is never drawn unless there is
/// nothing else.
int64_t draw(std::span<const float> scores, Random& random);

/// Draws `count` different indices one after another from softmax(scores), without replacement, in
/// the order drawn. count <= scores.size(); indices of -infinity come last.
std::vector<int64_t> draw_without_replacement(std::span<const float> scores, int64_t count,
                                              Random& random);

}  // namespace blip2
