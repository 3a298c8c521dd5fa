// What becomes of the matches of a pattern that cuts text, by the reference's five behaviours.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "blip2/text/regex.h"

namespace blip2 {

enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

/// By the names of tokenizer.json.
inline constexpr std::pair<SplitBehavior, const char*> kSplitBehaviors[] = {
    {SplitBehavior::kRemoved, "Removed"},
    {SplitBehavior::kIsolated, "Isolated"},
    {SplitBehavior::kMergedWithPrevious, "MergedWithPrevious"},
    {SplitBehavior::kMergedWithNext, "MergedWithNext"},
    {SplitBehavior::kContiguous, "Contiguous"}};

/// A stretch between matches, or a match.
struct SplitPart {
  TextRange range;
  bool is_match = false;
};

/// The whole text of `size` bytes as matches and what is between them. `matches` do not overlap and
/// are in order.
std::vector<SplitPart> with_gaps(const std::vector<TextRange>& matches, size_t size);

/// The stretches that remain; some may be empty.
std::vector<TextRange> apply_behavior(const std::vector<SplitPart>& parts, SplitBehavior behavior);

}  // namespace blip2
