// The stretches of a text on their way from the whole to words. Besides its bytes, each knows
// whether it starts where the whole text started: a space is put in front of that one alone where a
// tokenizer says so.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blip2 {

/// A stretch, pointing into what somebody else keeps.
struct TextPiece {
  std::string_view text;
  bool at_origin = false;   ///< it starts at the first character of the whole text
  size_t origin_bytes = 0;  ///< at_origin: how many of its bytes that character has become

  /// A part of it, which is not empty.
  TextPiece part(size_t start, size_t stop) const {
    const bool first = at_origin && start < origin_bytes;
    return {text.substr(start, stop - start), first,
            first ? std::min(origin_bytes, stop) - start : 0};
  }
};
using TextPieces = std::vector<TextPiece>;

/// Text under change, with the bytes that its first character has become.
struct OriginText {
  std::string text;
  size_t origin_bytes = 0;
};

/// Writes the characters of a changed text, and keeps count of the first character's bytes.
class OriginWriter {
 public:
  explicit OriginWriter(size_t old_origin_bytes) : old_origin_bytes_(old_origin_bytes) {}

  /// Writes `text` for the character that starts at `source` in the old text.
  void write(std::string_view text, size_t source) {
    out_.text += text;
    at_origin_ = at_origin_ && source < old_origin_bytes_;
    if (at_origin_) out_.origin_bytes = out_.text.size();
  }
  /// Writes `text` that is inserted after `consumed` bytes of the old text.
  void insert(std::string_view text, size_t consumed) {
    if (!text.empty()) write(text, consumed == 0 ? 0 : consumed - 1);
  }
  /// Writes what stays as it is: `text`, which starts at `source` in the old text.
  void copy(std::string_view text, size_t source) {
    const size_t first =
        source < old_origin_bytes_ ? std::min(old_origin_bytes_ - source, text.size()) : 0;
    if (first > 0) write(text.substr(0, first), source);
    if (first < text.size()) write(text.substr(first), source + first);
  }
  OriginText take() { return std::move(out_); }

 private:
  OriginText out_;
  size_t old_origin_bytes_;
  bool at_origin_ = true;
};

/// Keeps the texts that pieces point into. Their addresses never change.
using TextStore = std::deque<std::string>;

}  // namespace blip2
