// The steps of a pre-tokenizer, one after another.
#include "blip2/text/pre_tokenizer.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "blip2/base/utf8.h"
#include "blip2/text/byte_words.h"
#include "blip2/text/unicode_classes.h"

namespace blip2 {
namespace {

/// Appends the parts of a piece that are not empty.
void append_parts(const TextPiece& piece, const std::vector<TextRange>& ranges, TextPieces& out) {
  for (const TextRange& range : ranges) {
    if (range.start < range.stop) out.push_back(piece.part(range.start, range.stop));
  }
}

/// Calls `look` with the start, the end and the code point of every character.
template <typename Look>
void for_each_character(std::string_view text, const Look& look) {
  for (size_t position = 0; position < text.size();) {
    const size_t start = position;
    const char32_t c = next_code_point(text, position);
    look(start, position, c);
  }
}

void run_split(const PatternSplit& step, const TextPiece& piece, TextPieces& out, TextStore&) {
  std::vector<SplitPart> parts = with_gaps(step.pattern->matches(piece.text), piece.text.size());
  if (step.invert) {
    for (SplitPart& part : parts) part.is_match = !part.is_match;
  }
  append_parts(piece, apply_behavior(parts, step.behavior), out);
}

bool belongs(const CharacterSplit& step, char32_t c) {
  switch (step.kind) {
    case CharacterSplit::Kind::kWhiteSpace:
      return is_white_space(c);
    case CharacterSplit::Kind::kPunctuation:
      return is_bert_punctuation(c);
    case CharacterSplit::Kind::kNumber:
      return character_class(c) == CharacterClass::kNumber;
    case CharacterSplit::Kind::kDelimiter:
      return c == step.delimiter;
  }
  return false;
}

void run_split(const CharacterSplit& step, const TextPiece& piece, TextPieces& out, TextStore&) {
  std::vector<TextRange> matches;
  for_each_character(piece.text, [&](size_t start, size_t stop, char32_t c) {
    if (belongs(step, c)) matches.push_back({start, stop});
  });
  append_parts(piece, apply_behavior(with_gaps(matches, piece.text.size()), step.behavior), out);
}

void run_split(const WordRunSplit&, const TextPiece& piece, TextPieces& out, TextStore&) {
  enum class Run { kSpace, kWord, kOther };
  Run run = Run::kSpace;
  size_t begin = 0;
  const auto end_run = [&](size_t stop) {
    if (run != Run::kSpace) out.push_back(piece.part(begin, stop));
  };
  for_each_character(piece.text, [&](size_t start, size_t, char32_t c) {
    const Run found = is_word_character(c) ? Run::kWord
                      : is_white_space(c)  ? Run::kSpace
                                           : Run::kOther;
    if (found == run) return;
    end_run(start);
    run = found;
    begin = start;
  });
  end_run(piece.text.size());
}

/// Text before the first character that has a script is dropped, as in the reference.
void run_split(const ScriptSplit&, const TextPiece& piece, TextPieces& out, TextStore&) {
  std::vector<size_t> starts;
  unsigned last = kNoScript;
  bool has_last = false;
  for_each_character(piece.text, [&](size_t start, size_t, char32_t c) {
    const unsigned script = script_of(c);
    if (script == kNoScript) return;
    if (!has_last || script != last) starts.push_back(start);
    last = script;
    has_last = true;
  });
  for (size_t i = 0; i < starts.size(); ++i) {
    out.push_back(piece.part(starts[i], i + 1 < starts.size() ? starts[i + 1] : piece.text.size()));
  }
}

void run_split(const FixedLengthSplit& step, const TextPiece& piece, TextPieces& out, TextStore&) {
  size_t begin = 0;
  int64_t length = 0;
  for_each_character(piece.text, [&](size_t, size_t stop, char32_t) {
    if (++length < step.length) return;
    out.push_back(piece.part(begin, stop));
    begin = stop;
    length = 0;
  });
  if (begin < piece.text.size()) out.push_back(piece.part(begin, piece.text.size()));
}

TextPiece keep(std::string text, const TextPiece& old, size_t origin_bytes, TextStore& store) {
  return {store.emplace_back(std::move(text)), old.at_origin, old.at_origin ? origin_bytes : 0};
}

void run_split(const MetaspaceSplit& step, const TextPiece& piece, TextPieces& out,
               TextStore& store) {
  const std::string& mark = step.replacement;
  std::string text;
  text.reserve(piece.text.size() + 16);
  size_t origin_bytes = 0;
  for (size_t i = 0; i < piece.text.size(); ++i) {
    if (piece.text[i] == ' ') {
      text += mark;
    } else {
      text += piece.text[i];
    }
    if (i < piece.origin_bytes) origin_bytes = text.size();
  }
  const bool prepend = step.prepend == MetaspaceSplit::Prepend::kAlways ||
                       (step.prepend == MetaspaceSplit::Prepend::kFirst && piece.at_origin);
  if (prepend && !text.starts_with(mark)) {
    text.insert(0, mark);
    origin_bytes += mark.size();
  }
  const TextPiece whole = keep(std::move(text), piece, origin_bytes, store);
  if (!step.split) {
    out.push_back(whole);
    return;
  }
  std::vector<TextRange> marks;
  for (size_t at = whole.text.find(mark); at != std::string_view::npos;
       at = whole.text.find(mark, at + mark.size())) {
    marks.push_back({at, at + mark.size()});
  }
  append_parts(whole,
               apply_behavior(with_gaps(marks, whole.text.size()), SplitBehavior::kMergedWithNext),
               out);
}

void run_split(const ByteLevelSplit& step, const TextPiece& piece, TextPieces& out,
               TextStore& store) {
  TextPiece spaced = piece;
  if (step.add_prefix_space && !piece.text.starts_with(' ')) {
    spaced = keep(" " + std::string(piece.text), piece, piece.origin_bytes + 1, store);
  }
  if (!step.use_regex) {
    out.push_back(spaced);
    return;
  }
  for (const std::string_view word : split_byte_words(spaced.text, BytePreTokenizer::kGpt2)) {
    const auto start = static_cast<size_t>(word.data() - spaced.text.data());
    out.push_back(spaced.part(start, start + word.size()));
  }
}

/// Writes the bytes of every piece in ByteLevel's alphabet.
void write_alphabet(TextPieces& pieces, TextStore& store) {
  for (TextPiece& piece : pieces) {
    std::string text;
    size_t origin_bytes = 0;
    for (size_t i = 0; i < piece.text.size(); ++i) {
      append_utf8(text, byte_character(static_cast<uint8_t>(piece.text[i])));
      if (i < piece.origin_bytes) origin_bytes = text.size();
    }
    piece = keep(std::move(text), piece, origin_bytes, store);
  }
}

}  // namespace

void pre_tokenize(const PreTokenizerSteps& steps, ByteAlphabet last, TextPieces& pieces,
                  TextStore& store) {
  TextPieces cut;
  for (size_t i = 0; i < steps.size(); ++i) {
    cut.clear();
    std::visit(
        [&](const auto& step) {
          for (const TextPiece& piece : pieces) run_split(step, piece, cut, store);
        },
        steps[i]);
    pieces.swap(cut);
    const bool is_left_out = i + 1 == steps.size() && last == ByteAlphabet::kLeftOut;
    if (std::holds_alternative<ByteLevelSplit>(steps[i]) && !is_left_out) {
      write_alphabet(pieces, store);
    }
  }
}

}  // namespace blip2
