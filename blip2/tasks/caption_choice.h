// Decides which captions of a picture are kept: CapFilt's rules, given the models' scores. It sees
// no model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace blip2 {

/// A caption of a picture that was considered.
struct CaptionCandidate {
  enum class Source { kWeb, kSynthetic };
  std::string text;
  Source source = Source::kSynthetic;
  double score = 0;                                        ///< the ranker's cosine
  std::optional<double> match_probability = std::nullopt;  ///< the matcher's
  bool kept = false;
  std::string dropped_by = "";  ///< "rank", "similarity", "match" or "duplicate"; empty if kept
};

struct CaptionRules {
  int64_t num_kept = 2;  ///< captions that are kept, best first
  /// Web captions are kept with any score, and come before others in the count of what is
  /// kept.
  bool always_keep_original = false;
  std::optional<double> min_similarity;         ///< cosine below which no caption is kept
  std::optional<double> min_match_probability;  ///< of the matcher, for web and drawn captions
  /// Of captions that are equal when cleaned for training, one is kept: they differ only in case,
  /// spaces and most punctuation.
  bool remove_duplicates = true;
};

/// Orders the candidates of one picture by score and fills `kept` and `dropped_by`. The input has
/// web captions first and drawn ones in the order drawn; candidates with equal scores keep this
/// order. Of duplicates the first is kept, and a web caption before others where originals are
/// always kept.
void choose_captions(std::vector<CaptionCandidate>& candidates, const CaptionRules& rules);

}  // namespace blip2
