// What CapFilt is asked for, and what it says of each caption.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "blip2/generate/options.h"

namespace blip2 {

struct CapFiltOptions {
  GenerationOptions generation;          ///< num_return_sequences: how many captions are drawn
  std::string prompt;                    ///< what each caption continues; not part of the caption
  int64_t num_kept = 2;                  ///< captions that are kept, best first
  bool clean_web_captions = true;        ///< as LAVIS does before training (caption_cleaning.h)
  bool always_keep_original = false;     ///< web captions are kept whatever their scores, and are
                                         ///< counted before others
  std::optional<double> min_similarity;  ///< cosine below which no caption is kept
  std::optional<double> min_match_probability;  ///< of the matcher, for web and drawn captions
  bool remove_duplicates = true;  ///< of captions that are equal when cleaned for training: except
                                  ///< in case, spaces and most punctuation
  uint64_t seed = 42;
};

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

}  // namespace blip2
