// The steps of a normalizer, one after another.
#include "blip2/text/text_normalizer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "blip2/base/utf8.h"
#include "blip2/text/byte_words.h"
#include "blip2/text/unicode_classes.h"

namespace blip2 {
namespace {

/// Changes text character by character: `change` gets the writer, a code point and where the
/// character starts and stops.
template <typename Change>
OriginText change_characters(const OriginText& old, const Change& change) {
  OriginWriter out(old.origin_bytes);
  for (size_t position = 0; position < old.text.size();) {
    const size_t start = position;
    const char32_t c = next_code_point(old.text, position);
    change(out, c, TextRange{start, position});
  }
  return out.take();
}

std::string_view slice(const OriginText& text, TextRange range) {
  return std::string_view(text.text).substr(range.start, range.stop - range.start);
}

/// Changes the text as a whole. What becomes of its first character is asked of that alone, which
/// is right but where neighbours join.
template <typename Change>
OriginText change_whole(const OriginText& old, const Change& change) {
  const std::u32string first =
      to_code_points(std::string_view(old.text).substr(0, old.origin_bytes));
  OriginText out{to_utf8(change(to_code_points(old.text)))};
  if (!first.empty()) out.origin_bytes = std::min(to_utf8(change(first)).size(), out.text.size());
  return out;
}

std::string lower_case(char32_t c) {
  std::u32string lowered;
  append_lower_case(lowered, c);
  return to_utf8(lowered);
}

OriginText run_step(const LowerCaseStep&, const OriginText& text) {
  return change_characters(text, [](OriginWriter& out, char32_t c, TextRange at) {
    out.write(lower_case(c), at.start);
  });
}

OriginText clean_for_bert(const BertNormalization& options, const OriginText& text) {
  return change_characters(text, [&](OriginWriter& out, char32_t c, TextRange at) {
    if (options.clean_text && is_bert_control(c)) return;
    const std::string_view character =
        options.clean_text && is_white_space(c) ? " " : slice(text, at);
    if (options.space_cjk && is_bert_ideograph(c)) {
      out.write(" " + std::string(character) + " ", at.start);
    } else {
      out.write(character, at.start);
    }
  });
}

OriginText run_step(const BertNormalization& options, OriginText text) {
  if (options.clean_text || options.space_cjk) text = clean_for_bert(options, text);
  if (options.strip_accents) text = change_whole(text, strip_accents);
  if (options.lower_case) text = run_step(LowerCaseStep{}, text);
  return text;
}

OriginText run_step(const FormStep& step, const OriginText& text) {
  return change_whole(text, [&](const std::u32string& whole) { return to_form(whole, step.form); });
}

OriginText run_step(const DropMarksStep&, const OriginText& text) {
  return change_characters(text, [&](OriginWriter& out, char32_t c, TextRange at) {
    if (!is_combining_mark(c)) out.write(slice(text, at), at.start);
  });
}

bool is_dropped_by_nmt(char32_t c) {
  return (c >= 0x1 && c <= 0x8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f || c == 0x8f ||
         c == 0x9f;
}

bool is_space_for_nmt(char32_t c) {
  return c == 0x9 || c == 0xa || c == 0xc || c == 0xd || c == 0x1680 ||
         (c >= 0x200b && c <= 0x200f) || c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xfeff ||
         c == 0xfffd;
}

OriginText run_step(const NmtStep&, const OriginText& text) {
  return change_characters(text, [&](OriginWriter& out, char32_t c, TextRange at) {
    if (is_dropped_by_nmt(c)) return;
    out.write(is_space_for_nmt(c) ? " " : slice(text, at), at.start);
  });
}

OriginText run_step(const ByteAlphabetStep&, const OriginText& text) {
  return change_characters(text, [&](OriginWriter& out, char32_t, TextRange at) {
    std::string written;
    for (const char byte : slice(text, at)) {
      append_utf8(written, byte_character(static_cast<uint8_t>(byte)));
    }
    out.write(written, at.start);
  });
}

OriginText run_step(const PrependStep& step, OriginText text) {
  if (text.text.empty()) return text;
  text.text.insert(0, step.text);
  if (text.origin_bytes > 0) text.origin_bytes += step.text.size();
  return text;
}

OriginText run_step(const ReplaceStep& step, OriginText text) {
  if (text.text.empty()) return text;
  const std::vector<TextRange> matches = step.pattern->matches(text.text);
  if (matches.empty()) return text;
  OriginWriter out(text.origin_bytes);
  size_t done = 0;
  for (const TextRange& match : matches) {
    out.copy(slice(text, {done, match.start}), done);
    out.insert(step.text, match.stop);
    done = match.stop;
  }
  out.copy(slice(text, {done, text.text.size()}), done);
  return out.take();
}

OriginText run_step(const StripStep& step, const OriginText& text) {
  const std::string_view whole = text.text;
  size_t start = 0, stop = whole.size();
  for (size_t next = 0; step.left && next < whole.size(); start = next) {
    if (!is_white_space(next_code_point(whole, next))) break;
  }
  for (size_t before = stop; step.right && before > start; stop = before) {
    if (!is_white_space(previous_code_point(whole, before))) break;
  }
  OriginWriter out(text.origin_bytes);
  out.copy(whole.substr(start, stop - start), start);
  return out.take();
}

/// A character that the map drops hands its place to the next one, as in the reference.
OriginText run_step(const CharsmapStep& step, const OriginText& text) {
  OriginText out{step.charsmap->normalize(text.text)};
  if (text.origin_bytes == 0 || out.text.empty()) return out;
  const std::string first =
      step.charsmap->normalize(std::string_view(text.text).substr(0, text.origin_bytes));
  if (!first.empty() && out.text.starts_with(first)) {
    out.origin_bytes = first.size();
  } else {
    next_code_point(out.text, out.origin_bytes);
  }
  return out;
}

}  // namespace

OriginText normalize(const NormalizerSteps& steps, OriginText text) {
  for (const NormalizerStep& step : steps) {
    text = std::visit([&](const auto& kind) { return run_step(kind, std::move(text)); }, step);
  }
  return text;
}

}  // namespace blip2
