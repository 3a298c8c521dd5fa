// What a tokenizer is made of, between the readers of files and the tokenizer itself.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "blip2/text/bpe.h"
#include "blip2/text/tokenizer_frame.h"
#include "blip2/text/unigram.h"
#include "blip2/text/word_level.h"
#include "blip2/text/wordpiece.h"

namespace blip2 {

/// The components of tokenizer.json, each as JSON text; "" = none.
struct TokenizerComponents {
  std::string normalizer, pre_tokenizer, decoder;
};

struct TokenizerParts {
  std::vector<std::string> pieces;  ///< the model's own, pieces[id]; "" = no such id
  /// A token such as "[DEC]" or "<image>" is added through `frame.added_tokens`.
  TokenizerFrameParts frame;
  TokenizerComponents components;
  std::variant<WordPieceParts, BpeParts, UnigramParts, WordLevelParts> model;
  /// What CLIP's class does to decoded text: `end_of_word` becomes a space, and white space at both
  /// ends is dropped.
  bool decodes_as_clip = false;
  std::string padding_token;  ///< of the section `padding` of tokenizer.json; "" = none
};

}  // namespace blip2
