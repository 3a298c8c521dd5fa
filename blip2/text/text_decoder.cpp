// The steps of a decoder, one after another.
#include "blip2/text/text_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "blip2/base/utf8.h"
#include "blip2/text/byte_words.h"
#include "blip2/text/tokenizer_frame.h"

namespace blip2 {
namespace {

using Tokens = std::vector<std::string>;

/// Appends the bytes of a token; one with a character outside the alphabet is its own bytes.
void append_token_bytes(std::string& out, const std::string& token) {
  const size_t start = out.size();
  for (size_t position = 0; position < token.size();) {
    const std::optional<uint8_t> byte = character_byte(next_code_point(token, position));
    if (!byte) {
      out.resize(start);
      out += token;
      return;
    }
    out.push_back(static_cast<char>(*byte));
  }
}

Tokens run_step(const ByteLevelDecode&, const Tokens& tokens) {
  std::string bytes;
  for (const std::string& token : tokens) append_token_bytes(bytes, token);
  return {replace_invalid_utf8(bytes)};
}

/// What the reference does to each token, with the space already in front of it.
void clean_up_token(std::string& token) {
  for (const char* mark : {".", "?", "!", ","}) replace_all(token, std::string(" ") + mark, mark);
  replace_all(token, " ' ", "'");
  for (const char* ending : {"n't", "'m"}) replace_all(token, std::string(" ") + ending, ending);
  replace_all(token, " do not", " don't");
  for (const char* ending : {"'s", "'ve", "'re"}) {
    replace_all(token, std::string(" ") + ending, ending);
  }
}

Tokens run_step(const WordPieceDecode& step, Tokens tokens) {
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0 && tokens[i].starts_with(step.prefix)) {
      tokens[i].erase(0, step.prefix.size());
    } else if (i > 0) {
      tokens[i].insert(tokens[i].begin(), ' ');
    }
    if (step.clean_up) clean_up_token(tokens[i]);
  }
  return tokens;
}

Tokens run_step(const MetaspaceDecode& step, Tokens tokens) {
  std::string mark;
  append_utf8(mark, step.replacement);
  for (size_t i = 0; i < tokens.size(); ++i) {
    replace_all(tokens[i], mark, i == 0 && step.drop_first ? "" : " ");
  }
  return tokens;
}

/// An empty text is found before every character and at the end.
std::string replace_text(const std::string& text, const std::string& from, const std::string& to) {
  std::string out = text;
  if (!from.empty()) {
    replace_all(out, from, to);
    return out;
  }
  out = to;
  for (size_t position = 0; position < text.size();) {
    const size_t start = position;
    next_code_point(text, position);
    out.append(text, start, position - start).append(to);
  }
  return out;
}

Tokens run_step(const SuffixDecode& step, Tokens tokens) {
  for (size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = replace_text(tokens[i], step.suffix, i + 1 == tokens.size() ? "" : " ");
  }
  return tokens;
}

Tokens run_step(const CtcDecode& step, Tokens tokens) {
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  Tokens out;
  for (std::string& token : tokens) {
    std::string text = replace_text(token, step.pad_token, "");
    if (step.clean_up) {
      clean_up_token(text);
      text = replace_text(text, step.word_delimiter, " ");
    }
    if (!text.empty()) out.push_back(std::move(text));
  }
  return out;
}

Tokens run_step(const ReplaceDecode& step, Tokens tokens) {
  for (std::string& token : tokens) {
    if (token.empty()) continue;
    std::string out;
    size_t done = 0;
    for (const TextRange& match : step.pattern->matches(token)) {
      out.append(token, done, match.start - done).append(step.text);
      done = match.stop;
    }
    token = out.append(token, done);
  }
  return tokens;
}

Tokens run_step(const StripDecode& step, Tokens tokens) {
  for (std::string& token : tokens) {
    const std::u32string text = to_code_points(token);
    size_t start = 0, stop = text.size();
    while (start < text.size() && static_cast<int64_t>(start) < step.start &&
           text[start] == step.content) {
      ++start;
    }
    while (stop > start && static_cast<int64_t>(text.size() - stop) < step.stop &&
           text[stop - 1] == step.content) {
      --stop;
    }
    token = to_utf8(std::u32string_view(text).substr(start, stop - start));
  }
  return tokens;
}

Tokens run_step(const ByteFallbackDecode&, Tokens tokens) {
  Tokens out;
  std::string bytes;
  const auto end_run = [&] {
    if (bytes.empty()) return;
    if (is_valid_utf8(bytes)) {
      out.push_back(bytes);
    } else {
      for (size_t i = 0; i < bytes.size(); ++i) append_utf8(out.emplace_back(), 0xfffd);
    }
    bytes.clear();
  };
  for (std::string& token : tokens) {
    if (const auto byte = piece_byte(token)) {
      bytes.push_back(static_cast<char>(*byte));
      continue;
    }
    end_run();
    out.push_back(std::move(token));
  }
  end_run();
  return out;
}

std::string join(const Tokens& tokens) {
  std::string text;
  for (const std::string& token : tokens) text += token;
  return text;
}

Tokens run_step(const FuseDecode&, const Tokens& tokens) { return {join(tokens)}; }

}  // namespace

std::string decode_tokens(const DecoderSteps& steps, std::vector<std::string> tokens) {
  for (const DecoderStep& step : steps) {
    tokens = std::visit([&](const auto& kind) { return run_step(kind, std::move(tokens)); }, step);
  }
  return join(tokens);
}

std::string byte_piece(uint8_t byte) { return fmt::format("<0x{:02X}>", byte); }

std::optional<uint8_t> piece_byte(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || !piece.ends_with('>')) return std::nullopt;
  std::string_view digits = piece.substr(3, 2);
  if (digits.starts_with('+')) digits.remove_prefix(1);  // as the reference reads numbers
  uint8_t byte = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, byte, 16);
  if (error != std::errc() || stop != end) return std::nullopt;
  return byte;
}

}  // namespace blip2
