// The pre-tokenizers of tokenizer.json: how normalised text is cut into the words that the model
// sees, step by step, with the text of the words changed on the way.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "blip2/text/split_behavior.h"
#include "blip2/text/text_pattern.h"
#include "blip2/text/text_piece.h"

namespace blip2 {

/// Cuts at the matches of a pattern, or at what is between them (`invert`).
struct PatternSplit {
  std::shared_ptr<const TextPattern> pattern;
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;
};
/// Cuts at every single character of a class.
struct CharacterSplit {
  enum class Kind { kWhiteSpace, kPunctuation, kNumber, kDelimiter };
  Kind kind = Kind::kWhiteSpace;
  SplitBehavior behavior = SplitBehavior::kRemoved;
  char32_t delimiter = 0;
};
/// Runs of \w, and runs of what is neither that nor white space.
struct WordRunSplit {};
/// Stretches of one script.
struct ScriptSplit {};
/// Stretches of a number of characters.
struct FixedLengthSplit {
  int64_t length = 5;
};
/// Spaces as another character, in front of words.
struct MetaspaceSplit {
  enum class Prepend { kAlways, kFirst, kNever };
  std::string replacement;
  Prepend prepend = Prepend::kAlways;
  bool split = true;
};
/// GPT-2's words, where asked, whose bytes are then written as printable characters.
struct ByteLevelSplit {
  bool add_prefix_space = true;
  bool use_regex = true;
};

using PreTokenizerStep = std::variant<PatternSplit, CharacterSplit, WordRunSplit, ScriptSplit,
                                      FixedLengthSplit, MetaspaceSplit, ByteLevelSplit>;
using PreTokenizerSteps = std::vector<PreTokenizerStep>;

/// Whether the pieces' text after the last step stays as it is before ByteLevel's alphabet, for a
/// model that reads bytes.
enum class ByteAlphabet { kWritten, kLeftOut };

/// Runs all steps on pieces, none of which is or becomes empty. New text is kept in `store`.
void pre_tokenize(const PreTokenizerSteps& steps, ByteAlphabet last, TextPieces& pieces,
                  TextStore& store);

}  // namespace blip2
