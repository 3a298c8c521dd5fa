// Which captions of a picture are kept: CapFilt's rules, given what the models say of each. No
// model here.
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
  /// Web captions are kept whatever their scores, and come before others in the count of what is
  /// kept.
  bool always_keep_original = false;
  std::optional<double> min_similarity;         ///< cosine below which no caption is kept
  std::optional<double> min_match_probability;  ///< of the matcher, for web and drawn captions
  /// Of captions that are equal when cleaned for training, one is kept: they differ only in case,
  /// spaces and most punctuation.
  bool remove_duplicates = true;
};

/// Orders the candidates of one picture by score and fills `kept` and `dropped_by`. They come with
/// web captions first, drawn ones in the order drawn: where scores are equal they stay so. Of
/// duplicates the first in the new order stays, but a web caption before others where originals are
/// always kept.
void choose_captions(std::vector<CaptionCandidate>& candidates, const CaptionRules& rules);

}  // namespace blip2
