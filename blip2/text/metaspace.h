// SentencePiece's way with spaces, the reference's `Metaspace`: a space is written as U+2581, and
// each starts a word.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blip2 {

/// U+2581, which represents a space in pieces.
inline constexpr std::string_view kMetaspace = "\xe2\x96\x81";

/// Which stretches of text get a space in front if they have none.
enum class PrependScheme {
  kAlways,
  kFirst,  ///< only the one at the very start of the text
  kNever
};

/// By the names of tokenizer.json.
inline constexpr std::pair<PrependScheme, const char*> kPrependSchemes[] = {
    {PrependScheme::kAlways, "always"},
    {PrependScheme::kFirst, "first"},
    {PrependScheme::kNever, "never"}};

struct Metaspace {
  PrependScheme prepend = PrependScheme::kAlways;
  bool split = true;  ///< each U+2581 starts a word; otherwise a stretch is one word
};

/// The words of a stretch of text. `at_start`: it is what the text starts with.
std::vector<std::string> split_metaspace(std::string_view stretch, const Metaspace& options,
                                         bool at_start);

/// The stretches between white space, none empty. They point into `text`.
std::vector<std::string_view> split_white_space(std::string_view text);

}  // namespace blip2
