// Whether a short caption names the right thing: the head noun of the reference, looked for in what
// was generated. A rule of thumb without a tagger, for captions of single objects; no parser.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace blip2 {

/// The head noun of a caption, lower-case and singular; empty if there is no word.
/// The rule: leave out leading articles and determiners; stop before the first preposition,
/// relative pronoun, common verb, or mark of punctuation, and before an -ing word that follows a
/// person ("man running"); the last word left is the head. "picture of", "pair of" and the like are
/// stepped over. "A black cat on the sofa" -> "cat"; "flag: Norway" -> "flag"; "a pair of red
/// shoes" -> "shoe".
std::string head_noun(std::string_view caption);

/// A singular form by suffix ("berries" -> "berry", "knives" -> "knife", "men" -> "man"). The same
/// for equal nouns, not always English: both sides of a comparison must pass through it.
std::string singular(std::string_view word);

/// True if `noun` (as head_noun() gives it) is one of the caption's words, in singular or plural.
/// A hyphenated word is one word, and each of its parts is one as well.
bool contains_noun(std::string_view caption, std::string_view noun);

/// Percent of captions that contain the head noun of their reference. Throws kInvalidArgument where
/// the numbers differ or there is none.
double noun_accuracy(std::span<const std::string> captions,
                     std::span<const std::string> references);

/// The number of different captions, compared letter by letter, except for white space at both
/// ends.
size_t num_distinct(std::span<const std::string> captions);

}  // namespace blip2
