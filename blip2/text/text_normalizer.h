// The normalizers of tokenizer.json except BERT's own (bert_words.h): what is done to text before
// it is cut into words, step by step.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "blip2/text/charsmap.h"

namespace blip2 {

/// Canonical composition.
struct ComposeStep {};
/// The lower case of each character by itself.
struct LowerCaseStep {};
/// Puts `text` in front of text that is not empty.
struct PrependStep {
  std::string text;
};
/// Replaces what `pattern` finds by `text`.
struct ReplaceStep {
  enum class Pattern {
    kText,          ///< `found` itself, which is not empty
    kWhiteSpaces,   ///< \s+
    kSeveralSpaces  ///< two or more of U+0020
  };
  Pattern pattern = Pattern::kText;
  std::string found;
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
    std::variant<ComposeStep, LowerCaseStep, PrependStep, ReplaceStep, StripStep, CharsmapStep>;
using NormalizerSteps = std::vector<NormalizerStep>;

/// Valid UTF-8 text after all steps in their order.
std::string normalize(const NormalizerSteps& steps, std::string_view text);

/// The same as a function; empty where there are no steps.
std::function<std::string(std::string_view)> make_normalizer(NormalizerSteps steps);

/// The regular expressions of the two patterns, as tokenizer.json files give them.
inline constexpr const char* kWhiteSpacesPattern = R"(\s+)";
inline constexpr const char* kSeveralSpacesPattern = " {2,}";

}  // namespace blip2
