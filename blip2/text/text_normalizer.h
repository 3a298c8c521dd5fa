// The normalizers of tokenizer.json: what is done to text before it is cut into words, step by
// step.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "blip2/text/bert_normalization.h"
#include "blip2/text/canonical_form.h"
#include "blip2/text/charsmap.h"
#include "blip2/text/text_pattern.h"
#include "blip2/text/text_piece.h"

namespace blip2 {

/// One of Unicode's normalisation forms.
struct FormStep {
  UnicodeForm form = UnicodeForm::kNfc;
};
/// The lower case of each character by itself.
struct LowerCaseStep {};
/// Drops combining marks.
struct DropMarksStep {};
/// The clean-up of SentencePiece's "nmt" rules: drops controls, makes all white space a space.
struct NmtStep {};
/// Writes bytes as printable characters (byte_words.h).
struct ByteAlphabetStep {};
/// Puts `text` in front of text that is not empty.
struct PrependStep {
  std::string text;
};
/// Replaces what `pattern` finds by `text`.
struct ReplaceStep {
  std::shared_ptr<const TextPattern> pattern;
  std::string text;
};
/// Takes white space off the ends.
struct StripStep {
  bool left = true, right = true;
};
/// The character map of a SentencePiece model.
struct CharsmapStep {
  std::shared_ptr<const Charsmap> charsmap;
};

using NormalizerStep =
    std::variant<BertNormalization, FormStep, LowerCaseStep, DropMarksStep, NmtStep,
                 ByteAlphabetStep, PrependStep, ReplaceStep, StripStep, CharsmapStep>;
using NormalizerSteps = std::vector<NormalizerStep>;

/// Valid UTF-8 text after all steps in their order.
OriginText normalize(const NormalizerSteps& steps, OriginText text);

}  // namespace blip2
