// Finding a known noun in a caption, by words.
#include "blip2/metrics/noun_accuracy.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/utf8.h"
#include "blip2/metrics/ptb_characters.h"

namespace blip2 {
namespace {

constexpr std::string_view kDeterminers =
    " a an the this that these those some one two three four five six seven eight nine ten my your"
    " his her its our their ";
constexpr std::string_view kStops =
    " with of in on at for from to by near into onto over under above below behind beside between"
    " against along around through without inside outside during as and or but that which who whose"
    " where when while is are was were has have had can may means holding wearing sitting standing"
    " riding lying looking playing eating drinking flying hanging made seen used called being "
    "having"
    " facing showing pointing like than ";
constexpr std::string_view kPersons =
    " man men woman women person people boy girl child children baby couple lady guy ";
constexpr std::string_view kContainers =
    " picture photo photograph image drawing painting illustration icon kind type sort pair bunch"
    " group set piece slice couple ";

bool listed(std::string_view list, const std::string& word) {
  return !word.empty() && list.find(" " + word + " ") != std::string_view::npos;
}

struct Token {
  std::string word;
  bool break_after = false;  // a mark of punctuation that ends the phrase follows
};

/// Lower-case words of letters, digits, inner hyphens and apostrophes; `'s` is cut off.
std::vector<Token> split(std::string_view caption) {
  std::u32string text = to_code_points(replace_invalid_utf8(caption));
  std::transform(text.begin(), text.end(), text.begin(), lower_case);
  const auto at = [&text](size_t i) { return i < text.size() ? text[i] : U' '; };
  std::vector<Token> tokens;
  for (size_t i = 0; i < text.size();) {
    if (!is_alphanumeric(text[i])) {
      // A period after one or two letters belongs to them ("st. bernard"), one before a digit too.
      const bool abbreviates = text[i] == U'.' && !tokens.empty() &&
                               (tokens.back().word.size() <= 2 || at(i + 1) != U' ');
      const bool harmless = text[i] == U'"' || text[i] == U'\'' || text[i] == U'&' ||
                            text[i] == U'-' || text[i] == U'/' || text[i] == 0x201C ||
                            text[i] == 0x201D || text[i] == 0x2018 || text[i] == 0x2019;
      if (is_symbol(text[i]) || text[i] == 0x2013 || text[i] == 0x2014) {
        if (!tokens.empty() && !abbreviates && !harmless) tokens.back().break_after = true;
      }
      ++i;
      continue;
    }
    size_t end = i;
    const auto joins = [&](size_t k) {
      return (at(k) == U'-' || is_apostrophe(at(k))) && is_alphanumeric(at(k + 1));
    };
    while (is_alphanumeric(at(end)) || (end > i && joins(end))) ++end;
    size_t last = end;
    if (last - i > 2 && text[last - 1] == U's' && is_apostrophe(text[last - 2])) last -= 2;
    tokens.push_back({to_utf8(std::u32string_view(text).substr(i, last - i)), false});
    i = end;
  }
  return tokens;
}

bool ends_with(std::string_view word, std::string_view ending) {
  return word.size() > ending.size() && word.ends_with(ending);
}

}  // namespace

std::string singular(std::string_view word) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kIrregular = {
      {{"men", "man"},
       {"women", "woman"},
       {"children", "child"},
       {"people", "person"},
       {"feet", "foot"},
       {"teeth", "tooth"},
       {"geese", "goose"},
       {"mice", "mouse"},
       {"shoes", "shoe"},
       {"toes", "toe"},
       {"movies", "movie"},
       {"cookies", "cookie"}}};
  for (const auto& [plural, one] : kIrregular) {
    if (word == plural) return std::string(one);
  }
  const auto without = [word](size_t letters, std::string_view ending) {
    return std::string(word.substr(0, word.size() - letters)) + std::string(ending);
  };
  for (const std::string_view knife : {"knives", "wives", "lives"}) {
    if (word.ends_with(knife)) return without(3, "fe");
  }
  for (const std::string_view wolf : {"lves", "leaves", "loaves", "hooves", "scarves"}) {
    if (word.ends_with(wolf)) return without(3, "f");
  }
  if (word.size() > 4 && word.ends_with("ies")) return without(3, "y");
  for (const std::string_view hiss : {"ches", "shes", "sses", "xes", "zes", "oes"}) {
    if (ends_with(word, hiss)) return without(2, "");
  }
  if (word.size() < 3 || !word.ends_with('s')) return std::string(word);
  for (const std::string_view kept : {"ss", "us", "is"}) {
    if (word.ends_with(kept)) return std::string(word);
  }
  return without(1, "");
}

std::string head_noun(std::string_view caption) {
  std::string head;
  for (const Token& token : split(caption)) {
    const std::string& word = token.word;
    if (head.empty()) {
      if (!listed(kDeterminers, word) && !listed(kStops, word)) head = word;
    } else if (word == "of" && listed(kContainers, head)) {
      head.clear();
    } else if (listed(kStops, word) || (listed(kPersons, head) && ends_with(word, "ing"))) {
      break;
    } else {
      head = word;
    }
    if (token.break_after && !head.empty()) break;
  }
  if (!head.empty()) return singular(head);
  const std::vector<Token> tokens = split(caption);  // nothing but articles and prepositions
  return tokens.empty() ? "" : singular(tokens.back().word);
}

bool contains_noun(std::string_view caption, std::string_view noun) {
  if (noun.empty()) return false;
  for (const auto& [word, break_after] : split(caption)) {
    if (singular(word) == noun) return true;
    for (size_t begin = 0; begin <= word.size();) {
      const size_t end = std::min(word.find('-', begin), word.size());
      if (singular(std::string_view(word).substr(begin, end - begin)) == noun) return true;
      begin = end + 1;
    }
  }
  return false;
}

double noun_accuracy(std::span<const std::string> captions,
                     std::span<const std::string> references) {
  if (captions.size() != references.size() || captions.empty()) {
    fail(ErrorCode::kInvalidArgument,
         "noun accuracy: expected as many captions as references, found {} and {}", captions.size(),
         references.size());
  }
  size_t num_right = 0;
  for (size_t i = 0; i < captions.size(); ++i) {
    num_right += contains_noun(captions[i], head_noun(references[i])) ? 1 : 0;
  }
  return 100.0 * static_cast<double>(num_right) / static_cast<double>(captions.size());
}

size_t num_distinct(std::span<const std::string> captions) {
  std::set<std::string_view> distinct;
  for (const std::string_view caption : captions) {
    constexpr std::string_view kSpace = " \t\r\n";
    const size_t begin = std::min(caption.find_first_not_of(kSpace), caption.size());
    distinct.insert(caption.substr(begin, caption.find_last_not_of(kSpace) + 1 - begin));
  }
  return distinct.size();
}

}  // namespace blip2
