// The rules of the Penn Treebank tokenizer, one function each.
#include "blip2/metrics/ptb_rules.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "blip2/base/utf8.h"

namespace blip2 {
namespace {

/// Words that keep their period anywhere. Single letters and acronyms (`p.m.`) have a rule instead.
constexpr std::string_view kAbbreviations =
    " al cf co ct dr ft ga jr ky lt md mo mr ms mt ph rd rt sq sr st va vs vt wm adj adm adv ala "
    "apr"
    " aug ave bhd cie col cos cpl dak dec det drs ens esq est etc ext feb fla fri gen gov hon inc"
    " ind jan jos jul jun kan ltd maj mar mfg mme mon mrs mtg neb nev nov oct pfc plc pte pty pvt"
    " rep rev sen sep seq sfc sgt spc ste sys tel thu tue wed wis wyo alex ariz assn asst atty bldg"
    " blvd brig bros capt cmdr colo conn corp dept elec govs insp intl invt kans mich minn mlle "
    "mont"
    " msgr natl okla penn ppte ppty pres prof ptes ptys reps sens sept supt tenn tues univ wisc ";
/// Words that keep it before a number only.
constexpr std::string_view kNumberAbbreviations = " art ca fig figs no nos op pp prop ";
/// After a single letter and a period these begin a new sentence.
constexpr std::string_view kSentenceOpeners =
    " A About According Additionally After An As At But Earlier He Her Here However If In It Last"
    " Many More Now Once One Other Our She Since So Some Such That The Their Then There These They"
    " This We What When While Yet You ";

bool listed(std::string_view list, std::u32string_view word) {
  return list.find(" " + to_utf8(word) + " ") != std::string_view::npos;
}

}  // namespace

PtbRules::PtbRules(std::string_view caption, std::string_view following)
    : following_(to_code_points(replace_invalid_utf8(following))) {
  for (const char32_t character : to_code_points(replace_invalid_utf8(caption))) {
    constexpr char32_t kSoftHyphen = 0xAD;
    if (character != kSoftHyphen) text_.push_back(character);
  }
  lower_ = text_;
  std::transform(lower_.begin(), lower_.end(), lower_.begin(), lower_case);
}

bool PtbRules::starts_with(size_t place, std::u32string_view lower_text) const {
  return place <= lower_.size() && lower_.compare(place, lower_text.size(), lower_text) == 0;
}

size_t PtbRules::skip_digits(size_t place) const {
  while (is_digit(at(place))) ++place;
  return place;
}

size_t PtbRules::skip_alphanumeric(size_t place) const {
  while (is_alphanumeric(at(place))) ++place;
  return place;
}

std::u32string_view PtbRules::lower(size_t begin, size_t end) const {
  return std::u32string_view(lower_).substr(begin, end - begin);
}

/// Letters and digits after a letter, across one inner `.`, `!` or `?`: `hello.world`.
size_t PtbRules::word_end(size_t begin) const {
  if (!is_letter(at(begin))) return begin;
  size_t end = skip_alphanumeric(begin);
  while ((at(end) == U'.' || at(end) == U'!' || at(end) == U'?') && is_letter(at(end + 1))) {
    end = skip_alphanumeric(end + 1);
  }
  return end;
}

/// `two-story`, `a/b/c`, `snake_case`, `10in`, and with `d'`, `l'`, `n'`, `o'` before: `o'clock`.
size_t PtbRules::compound_end(size_t begin) const {
  size_t end = begin;
  const bool elided =
      is_apostrophe(at(begin + 1)) && is_letter(at(begin + 2)) &&
      std::u32string_view(U"dlno").find(lower_at(begin)) != std::u32string_view::npos;
  if (elided && clitic_end(begin + 1) == begin + 1) end += 2;
  end = skip_alphanumeric(end);
  if (end == begin) return begin;
  const bool snake = at(end) == U'_';  // underscores do not mix with the other joints
  int num_slashes = 0;
  for (char32_t joint = at(end); joint == U'_' || joint == U'-' || joint == U'/'; joint = at(end)) {
    const size_t next = skip_alphanumeric(end + 1);
    num_slashes += joint == U'/' ? 1 : 0;
    if (next == end + 1 || (joint == U'_') != snake || num_slashes > 2) break;
    const bool after_fraction = joint == U'-' && num_slashes > 0 && is_digit(at(end - 1));
    if (after_fraction && fraction_end(begin) == end) break;
    end = next;
  }
  return end;
}

bool PtbRules::period_ends_sentence(size_t after_period) const {
  const auto opens = [](std::u32string_view text) {
    size_t end = 0;
    while (end < text.size() && is_alphanumeric(text[end])) ++end;
    return (end == text.size() || text[end] == U' ') &&
           listed(kSentenceOpeners, text.substr(0, end));
  };
  size_t next = after_period;
  while (at(next) == U' ') ++next;
  if (next == text_.size()) return opens(following_);
  return next > after_period && opens(std::u32string_view(text_).substr(next));
}

/// A word and the period that belongs to it: `mr.`, `p.m.`, `no.` before a number.
size_t PtbRules::abbreviation_end(size_t begin) const {
  size_t end = begin;
  if (starts_with(begin, U"ph.d.")) return begin + 5;
  while (is_ascii_letter(at(end)) && at(end + 1) == U'.') end += 2;
  const size_t num_letters = (end - begin) / 2;
  if (num_letters > 1 || (num_letters == 1 && !period_ends_sentence(end))) return end;
  end = skip_alphanumeric(begin);
  if (end == begin || at(end) != U'.') return begin;
  if (listed(kAbbreviations, lower(begin, end))) return end + 1;
  size_t next = end + 1;
  while (at(next) == U' ') ++next;
  return is_digit(at(next)) && listed(kNumberAbbreviations, lower(begin, end)) ? end + 1 : begin;
}

/// Words with an apostrophe that is not a quote and not a clitic: `ma'am`, `y'` of `y'all`,
/// `c'mon`.
size_t PtbRules::apostrophe_word_end(size_t begin) const {
  const auto is_vowel = [this](size_t place) {
    return std::u32string_view(U"aeiouy").find(lower_at(place)) != std::u32string_view::npos &&
           lower_at(place) != 0;
  };
  for (const std::u32string_view whole : {U"c'mon", U"ol'", U"somethin'"}) {
    if (starts_with(begin, whole) && !is_alphanumeric(at(begin + whole.size()))) {
      return begin + whole.size();
    }
  }
  if (is_ascii_letter(at(begin)) && is_vowel(begin + 1) && is_apostrophe(at(begin + 2)) &&
      is_vowel(begin + 3)) {
    return skip_alphanumeric(begin + 3);
  }
  const bool short_pronoun = lower_at(begin) == U'y' || lower_at(begin) == U'j';
  return short_pronoun && is_apostrophe(at(begin + 1)) && clitic_end(begin + 1) == begin + 1 &&
                 is_letter(at(begin + 2))
             ? begin + 2
             : begin;
}

/// Capitals around an ampersand: `AT&T`.
size_t PtbRules::company_end(size_t begin) const {
  const auto is_capital = [this](size_t place) { return at(place) >= U'A' && at(place) <= U'Z'; };
  size_t end = begin;
  while (is_capital(end)) ++end;
  size_t last = begin;
  while (end > begin && at(end) == U'&' && is_capital(end + 1)) {
    for (++end; is_capital(end);) ++end;
    last = end;
  }
  return last;
}

/// `5`, `+5`, `.5`, `1,000`, `5.5`, `12:30`, and a range that begins with such a one: `1.5-2`.
size_t PtbRules::number_end(size_t begin) const {
  size_t end = begin + (at(begin) == U'+' || at(begin) == U'-' ? 1 : 0);
  const size_t whole = end;
  end = skip_digits(end);
  const auto goes_on = [this, whole](size_t place) {
    const char32_t c = at(place);
    return (c == U'.' || c == U',' || (c == U':' && place > whole)) && is_digit(at(place + 1));
  };
  bool has_colon = false;
  bool has_mark = false;
  while (goes_on(end)) {
    has_colon = has_colon || at(end) == U':';
    has_mark = true;
    end = skip_digits(end + 1);
  }
  if (end == whole) return begin;
  if (has_mark && !has_colon && is_digit(at(whole)) && at(end) == U'-' && is_digit(at(end + 1))) {
    end = skip_digits(end + 1);
  }
  return end;
}

/// `1/2`, `3-1/2` and `3 1/2`, at most four digits each.
size_t PtbRules::fraction_end(size_t begin) const {
  const auto number = [this](size_t place) {
    const size_t end = skip_digits(place);
    return end - place <= 4 ? end : place;
  };
  const auto fraction = [&](size_t place) {
    const size_t slash = number(place);
    if (slash == place || at(slash) != U'/') return place;
    const size_t end = number(slash + 1);
    return end == slash + 1 ? place : end;
  };
  const size_t whole = number(begin);
  if (whole > begin && (at(whole) == U' ' || at(whole) == U'-' || at(whole) == kNoBreakSpace)) {
    const size_t end = fraction(whole + 1);
    if (end > whole + 1) return end;
  }
  return fraction(begin);
}

/// Web and mail addresses.
size_t PtbRules::address_end(size_t begin) const {
  const auto is_any = [](char32_t c, std::u32string_view set) {
    return set.find(c) != std::u32string_view::npos;
  };
  for (const std::u32string_view start : {U"http://", U"https://", U"www."}) {
    if (!starts_with(begin, start)) continue;
    size_t end = begin + start.size();
    while (at(end) > U' ' && at(end) != kNoBreakSpace && !is_any(at(end), U"\"<>|()")) ++end;
    while (end > begin && is_any(at(end - 1), U".,!?:;{}-'")) --end;
    return end > begin + start.size() ? end : begin;
  }
  size_t end = begin;
  while (is_alphanumeric(at(end)) || (end > begin && is_any(at(end), U"._+%-"))) ++end;
  if (end == begin || at(end) != U'@' || !is_alphanumeric(at(end + 1))) return begin;
  for (++end; is_alphanumeric(at(end)) || at(end) == U'_' || is_any(at(end), U".-");) ++end;
  while (is_any(at(end - 1), U".-")) --end;
  return end;
}

/// `@name` and `#tag`.
size_t PtbRules::tag_end(size_t begin) const {
  size_t end = begin + 1;
  if (at(begin) == U'#') {
    while (is_ascii_letter(at(end))) ++end;
  } else if (at(begin) == U'@' && (is_ascii_letter(at(end)) || at(end) == U'_')) {
    while (is_ascii_letter(at(end)) || is_digit(at(end)) || at(end) == U'_') ++end;
  }
  return end > begin + 1 ? end : begin;
}

/// `<b>`, `</b>`, `<a href="x">`.
size_t PtbRules::markup_end(size_t begin) const {
  if (at(begin) != U'<') return begin;
  size_t end = begin + 1;
  if (at(end) == U'/' || at(end) == U'!' || at(end) == U'?') ++end;
  if (!is_ascii_letter(at(end))) return begin;
  bool quoted = false;
  for (; at(end) != 0 && at(end) != U'<' && at(end) != U'>'; ++end) {
    const char32_t c = at(end);
    if (c == U'"') quoted = !quoted;
    const bool plain = is_ascii_letter(c) || is_digit(c) || c == U' ' || c == U'-' || c == U'/' ||
                       c == U'"' || (c == U'=' && at(end + 1) == U'"');
    if (!plain && !quoted) return begin;
  }
  return at(end) == U'>' ? end + 1 : begin;
}

/// `:)`, `;-)`, `=(`, `:P`.
size_t PtbRules::emoticon_end(size_t begin) const {
  constexpr std::u32string_view kEyes = U":;=";
  constexpr std::u32string_view kMouths = U"()DPpO|][";
  if (kEyes.find(at(begin)) == std::u32string_view::npos) return begin;
  size_t end = begin + 1;
  if (at(end) == U'-' || at(end) == U'\'') ++end;
  if (at(end) == 0 || kMouths.find(at(end)) == std::u32string_view::npos) return begin;
  return is_alphanumeric(at(end + 1)) ? begin : end + 1;
}

/// `'s`, `'m`, `'d`, `'re`, `'ve`, `'ll` at the end of a word.
size_t PtbRules::clitic_end(size_t begin) const {
  if (!is_apostrophe(at(begin))) return begin;
  for (const std::u32string_view clitic : {U"s", U"m", U"d", U"re", U"ve", U"ll"}) {
    const size_t end = begin + 1 + clitic.size();
    if (starts_with(begin + 1, clitic) && !is_alphanumeric(at(end))) return end;
  }
  return begin;
}

}  // namespace blip2
