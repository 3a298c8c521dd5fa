// The behaviours as folds over the parts of a text.
#include "blip2/text/split_behavior.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace blip2 {
namespace {

std::vector<TextRange> merge_with_previous(const std::vector<SplitPart>& parts) {
  std::vector<TextRange> out;
  bool after_match = false;
  for (const SplitPart& part : parts) {
    if (part.is_match && !after_match && !out.empty()) {
      out.back().stop = part.range.stop;
    } else {
      out.push_back(part.range);
    }
    after_match = part.is_match;
  }
  return out;
}

std::vector<TextRange> merge_with_next(const std::vector<SplitPart>& parts) {
  std::vector<TextRange> out;  // from the last to the first
  bool before_match = false;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (part->is_match && !before_match && !out.empty()) {
      out.back().start = part->range.start;
    } else {
      out.push_back(part->range);
    }
    before_match = part->is_match;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<TextRange> join_equals(const std::vector<SplitPart>& parts) {
  std::vector<TextRange> out;
  bool previous = false;
  for (const SplitPart& part : parts) {
    if (part.is_match == previous && !out.empty()) {
      out.back().stop = part.range.stop;
    } else {
      out.push_back(part.range);
    }
    previous = part.is_match;
  }
  return out;
}

}  // namespace

std::vector<SplitPart> with_gaps(const std::vector<TextRange>& matches, size_t size) {
  std::vector<SplitPart> parts;
  parts.reserve(2 * matches.size() + 1);
  size_t done = 0;
  for (const TextRange& match : matches) {
    if (done != match.start) parts.push_back({{done, match.start}, false});
    parts.push_back({match, true});
    done = match.stop;
  }
  if (done != size) parts.push_back({{done, size}, false});
  return parts;
}

std::vector<TextRange> apply_behavior(const std::vector<SplitPart>& parts, SplitBehavior behavior) {
  if (behavior == SplitBehavior::kMergedWithPrevious) return merge_with_previous(parts);
  if (behavior == SplitBehavior::kMergedWithNext) return merge_with_next(parts);
  if (behavior == SplitBehavior::kContiguous) return join_equals(parts);
  std::vector<TextRange> out;
  out.reserve(parts.size());
  for (const SplitPart& part : parts) {
    if (part.is_match && behavior == SplitBehavior::kRemoved) continue;
    out.push_back(part.range);
  }
  return out;
}

}  // namespace blip2
