// A scanner: at each place every rule says how far it reaches, and the longest one wins.
#include "blip2/metrics/ptb_tokens.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip2/base/utf8.h"
#include "blip2/metrics/ptb_characters.h"
#include "blip2/metrics/ptb_rules.h"

namespace blip2 {
namespace {

class Scanner {
 public:
  Scanner(std::string_view caption, std::string_view following) : rules_(caption, following) {}
  std::vector<std::string> scan();

 private:
  void take_word(size_t end);
  void take_apostrophe();
  void take_symbol();
  void take(size_t end, std::string_view token);
  void take(size_t end);

  PtbRules rules_;
  size_t place_ = 0;
  std::vector<std::string> tokens_;
};

void Scanner::take(size_t end, std::string_view token) {
  tokens_.emplace_back(token);
  place_ = end;
}

void Scanner::take(size_t end) {
  std::u32string token(rules_.lower(place_, end));
  std::replace(token.begin(), token.end(), U' ', char32_t{kNoBreakSpace});
  take(end, to_utf8(token));
}

/// A word or number that ends at `end`; splits off `n't` and the ends of `cannot`, `gonna` and the
/// like.
void Scanner::take_word(size_t end) {
  const bool negation = rules_.lower_at(end - 1) == U'n' && is_apostrophe(rules_.at(end)) &&
                        rules_.lower_at(end + 1) == U't' && !is_alphanumeric(rules_.at(end + 2));
  if (negation) {
    if (end - 1 > place_) take(end - 1);
    take(end + 2, "n't");
    return;
  }
  const std::u32string_view word = rules_.lower(place_, end);
  const bool has_clitic = rules_.clitic_end(end) > end;
  for (const std::u32string_view whole :
       {U"cannot", U"gonna", U"gotta", U"wanna", U"lemme", U"gimme"}) {
    if (word != whole || has_clitic) continue;
    take(place_ + 3);
    break;
  }
  take(end);
}

void Scanner::take_apostrophe() {
  if (const size_t end = rules_.clitic_end(place_); end > place_) {
    std::string clitic = to_utf8(rules_.lower(place_ + 1, end));
    return take(end, "'" + clitic);
  }
  if (rules_.at(place_) == U'\'') {
    for (const std::u32string_view verb : {U"'tis", U"'twas"}) {
      if (!rules_.starts_with(place_, verb) || is_alphanumeric(rules_.at(place_ + verb.size())))
        continue;
      const size_t end = place_ + verb.size();
      take(place_ + 2);
      return take(end);
    }
    for (const std::u32string_view whole : {U"'cause", U"'til"}) {
      const size_t end = place_ + whole.size();
      if (rules_.starts_with(place_, whole) && !is_alphanumeric(rules_.at(end))) return take(end);
    }
    if (rules_.starts_with(place_, U"'em")) return take(place_ + 3);
  }
  if (rules_.lower_at(place_ + 1) == U'n') {
    if (is_apostrophe(rules_.at(place_ + 2))) return take(place_ + 3);
    if (!is_alphanumeric(rules_.at(place_ + 2))) return take(place_ + 2);
  }
  if (size_t end = rules_.skip_digits(place_ + 1); end == place_ + 3) {  // '80s
    if (rules_.lower_at(end) == U's') ++end;
    if (!is_alphanumeric(rules_.at(end))) return take(end);
  }
  const bool opens = is_letter(rules_.at(place_ + 1)) && rules_.at(place_ + 2) > U' ';
  take(place_ + 1, opens && rules_.at(place_) == U'\'' ? "`" : "'");
}

void Scanner::take_symbol() {
  struct Name {
    std::u32string_view text;
    std::string_view token;
  };
  static constexpr std::array<Name, 11> kNames = {{{U"(", "-lrb-"},
                                                   {U")", "-rrb-"},
                                                   {U"[", "-lsb-"},
                                                   {U"]", "-rsb-"},
                                                   {U"{", "-lcb-"},
                                                   {U"}", "-rcb-"},
                                                   {U"&amp;", "&"},
                                                   {U"&lt;", "<"},
                                                   {U"&gt;", ">"},
                                                   {U"``", "``"},
                                                   {U"''", "''"}}};
  for (const Name& name : kNames) {
    if (rules_.starts_with(place_, name.text)) return take(place_ + name.text.size(), name.token);
  }
  const char32_t c = rules_.at(place_);
  size_t end = place_ + 1;
  while (rules_.at(end) == c) ++end;
  const size_t run = end - place_;
  if (c == U'"') {
    const char32_t next = rules_.at(place_ + 1);
    return take(place_ + 1, is_alphanumeric(next) || next == U'$' ? "``" : "''");
  }
  if (c == U'!' || c == U'?') {
    while (rules_.at(end) == U'!' || rules_.at(end) == U'?') ++end;
    return take(end);
  }
  if (c == U'.' && run >= 3) return take(end, "...");
  if (c == U'-' && run >= 2) return run <= 4 ? take(end, "--") : take(end);
  if (c == U'_' || c == U'@' || c == U'*' || (c == U'#' && run >= 2)) return take(end);
  if ((c == U'<' || c == U'>') && run >= 2) return take(place_ + 2);
  if (is_apostrophe(c)) return take_apostrophe();
  take(place_ + 1);
}

std::vector<std::string> Scanner::scan() {
  while (place_ < rules_.size()) {
    const size_t begin = place_;
    const size_t end = std::max({rules_.word_end(begin), rules_.compound_end(begin),
                                 rules_.abbreviation_end(begin), rules_.apostrophe_word_end(begin),
                                 rules_.company_end(begin), rules_.number_end(begin),
                                 rules_.fraction_end(begin), rules_.address_end(begin)});
    if (end > begin) {
      take_word(end);
    } else if (const size_t tagged = std::max(rules_.tag_end(begin), rules_.markup_end(begin));
               tagged > begin) {
      take(tagged);
    } else if (const size_t smile = rules_.emoticon_end(begin); smile > begin) {
      std::string token = to_utf8(rules_.lower(begin, smile));
      if (token.back() == '(') token.replace(token.size() - 1, 1, "-lrb-");
      if (token.back() == ')') token.replace(token.size() - 1, 1, "-rrb-");
      take(smile, token);
    } else if (const auto token = typographic_replacement(rules_.at(begin)); !token.empty()) {
      take(begin + 1, token);
    } else if (is_symbol(rules_.at(begin)) || is_apostrophe(rules_.at(begin))) {
      take_symbol();
    } else {
      ++place_;  // a space, or a character that the tokenizer does not know
    }
  }
  return std::move(tokens_);
}

}  // namespace

std::vector<std::string> ptb_tokens(std::string_view caption, std::string_view following) {
  return Scanner(caption, following).scan();
}

Words caption_words(std::string_view caption, std::string_view following) {
  // The evaluation also lists brackets, but in capitals: lower-cased ones do not match, and stay.
  static constexpr std::array<std::string_view, 13> kPunctuation = {
      "''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"};
  Words words = ptb_tokens(caption, following);
  std::erase_if(words, [](const std::string& word) {
    return std::find(kPunctuation.begin(), kPunctuation.end(), word) != kPunctuation.end();
  });
  return words;
}

std::vector<Words> corpus_words(std::span<const std::string> captions) {
  std::vector<Words> words(captions.size());
  std::string_view following;
  for (size_t i = captions.size(); i-- > 0;) {
    words[i] = caption_words(captions[i], following);
    if (!captions[i].empty()) following = captions[i];
  }
  return words;
}

}  // namespace blip2
