// Applies CapFilt's rules to the candidates of one picture, in order of their scores.
#include "blip2/tasks/caption_choice.h"

#include <algorithm>
#include <set>
#include <string>

#include "blip2/data/caption_cleaning.h"

namespace blip2 {
namespace {

bool is_original(const CaptionCandidate& candidate) {
  return candidate.source == CaptionCandidate::Source::kWeb;
}

/// The first rule that a candidate breaks, or "". `texts` are those seen so far, as training reads
/// them.
std::string broken_rule(const CaptionCandidate& candidate, const CaptionRules& rules,
                        std::set<std::string>& texts, int64_t num_kept) {
  if (rules.remove_duplicates && !texts.insert(clean_caption(candidate.text)).second) {
    return "duplicate";
  }
  if (rules.always_keep_original && is_original(candidate)) return "";
  if (rules.min_match_probability &&
      candidate.match_probability.value_or(0) < *rules.min_match_probability) {
    return "match";
  }
  if (rules.min_similarity && candidate.score < *rules.min_similarity) return "similarity";
  return num_kept < rules.num_kept ? "" : "rank";
}

}  // namespace

void choose_captions(std::vector<CaptionCandidate>& candidates, const CaptionRules& rules) {
  std::stable_sort(
      candidates.begin(), candidates.end(),
      [](const CaptionCandidate& a, const CaptionCandidate& b) { return a.score > b.score; });
  std::vector<CaptionCandidate*> order;
  for (CaptionCandidate& candidate : candidates) order.push_back(&candidate);
  if (rules.always_keep_original) {
    std::stable_partition(order.begin(), order.end(),
                          [](const CaptionCandidate* c) { return is_original(*c); });
  }
  std::set<std::string> texts;
  int64_t num_kept = 0;
  for (CaptionCandidate* candidate : order) {
    candidate->dropped_by = broken_rule(*candidate, rules, texts, num_kept);
    candidate->kept = candidate->dropped_by.empty();
    if (candidate->kept) ++num_kept;
  }
}

}  // namespace blip2
