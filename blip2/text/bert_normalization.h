// The switches of BERT's own normalizer (text_normalizer.h).
#pragma once

namespace blip2 {

/// The switches of the reference's BertNormalizer; all on for the uncased models.
struct BertNormalization {
  bool clean_text = true;     ///< drops control characters, makes all white space a space
  bool space_cjk = true;      ///< a space on both sides of every CJK ideograph
  bool strip_accents = true;  ///< canonical decomposition, then without non-spacing marks
  bool lower_case = true;
};

}  // namespace blip2
