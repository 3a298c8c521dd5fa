// Penn Treebank tokenisation as the COCO caption evaluation does it: the rules of Stanford's
// PTBTokenizer 3.4.1, lower-cased, then without punctuation. For scoring captions only; what a
// model reads is made by the text room.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace blip2 {

/// The words of a caption as the metrics count them.
using Words = std::vector<std::string>;

/// All tokens of one caption, punctuation among them: "A man's hat." -> a, man, 's, hat, `.`.
/// `following` is the caption on the next line of the file that the original would read: a single
/// letter at the end of a caption ("vitamin C.") loses its period if that begins with "A", "The",
/// ... Differs from the original where only punctuation that is removed later can show it: no
/// second period after an abbreviation that ends a sentence. Telephone numbers with spaces are
/// several tokens. Line breaks are spaces; bytes that are not UTF-8 are dropped.
std::vector<std::string> ptb_tokens(std::string_view caption, std::string_view following = {});

/// What the metrics count: ptb_tokens() without the 17 strings that the evaluation calls
/// punctuation. A number with a fraction stays one word with a no-break space inside, as in the
/// original.
Words caption_words(std::string_view caption, std::string_view following = {});

/// caption_words() of captions as the evaluation tokenises one side of a set: all in one file.
std::vector<Words> corpus_words(std::span<const std::string> captions);

}  // namespace blip2
