// Character classes as ranges.
#include "blip2/metrics/ptb_characters.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace blip2 {
namespace {

using Range = std::pair<char32_t, char32_t>;  // both ends belong to it

template <size_t kCount>
bool contains(const std::array<Range, kCount>& ranges, char32_t character) {
  return std::any_of(ranges.begin(), ranges.end(), [character](const Range& range) {
    return range.first <= character && character <= range.second;
  });
}

constexpr std::array<Range, 25> kLetters = {
    {{0xAA, 0xAA},     {0xB5, 0xB5},     {0xBA, 0xBA},     {0xC0, 0xD6},     {0xD8, 0xF6},
     {0xF8, 0x377},    {0x386, 0x386},   {0x388, 0x481},   {0x483, 0x487},   {0x48A, 0x556},
     {0x561, 0x587},   {0x5D0, 0x5EA},   {0x620, 0x6D3},   {0x904, 0x1FFC},  {0x2C00, 0x2DDE},
     {0x3005, 0x3006}, {0x3031, 0x3035}, {0x3041, 0x3096}, {0x309D, 0x309F}, {0x30A1, 0x30FA},
     {0x30FC, 0x318E}, {0x3400, 0x4DB5}, {0x4E00, 0x9FCC}, {0xAC00, 0xD7A3}, {0xF900, 0xFAD9}}};

constexpr std::array<Range, 19> kSymbols = {{{0xA1, 0xA1},
                                             {0xA5, 0xA9},
                                             {0xAC, 0xAC},
                                             {0xAE, 0xB4},
                                             {0xB6, 0xB9},
                                             {0xBF, 0xBF},
                                             {0xD7, 0xD7},
                                             {0xF7, 0xF7},
                                             {0x2016, 0x2017},
                                             {0x201A, 0x201A},
                                             {0x201E, 0x2023},
                                             {0x2030, 0x2038},
                                             {0x203B, 0x203B},
                                             {0x203E, 0x2042},
                                             {0x2044, 0x2044},
                                             {0x2070, 0x208E},
                                             {0x2100, 0x214F},
                                             {0x2155, 0x215E},
                                             {0x2190, 0x2BFF}}};

}  // namespace

char32_t lower_case(char32_t c) {
  const auto within = [c](char32_t first, char32_t last) { return first <= c && c <= last; };
  if (within(U'A', U'Z') || (within(0xC0, 0xDE) && c != 0xD7)) return c + 32;
  if (within(0x391, 0x3A9) || within(0x410, 0x42F)) return c + 32;
  if (within(0x400, 0x40F)) return c + 80;
  if (c == 0x178) return 0xFF;
  // Here the capital comes just before its small letter: at even places, or at odd ones.
  const bool even_capitals = within(0x100, 0x12F) || within(0x132, 0x137) || within(0x14A, 0x177) ||
                             within(0x1E00, 0x1E95) || within(0x1EA0, 0x1EFF);
  const bool odd_capitals = within(0x139, 0x148) || within(0x179, 0x17E);
  if ((even_capitals && c % 2 == 0) || (odd_capitals && c % 2 == 1)) return c + 1;
  return c;
}

bool is_ascii_letter(char32_t c) { return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z'); }

bool is_digit(char32_t c) { return c >= U'0' && c <= U'9'; }

bool is_letter(char32_t c) { return c < 0x80 ? is_ascii_letter(c) : contains(kLetters, c); }

bool is_symbol(char32_t c) {
  if (c < 0x80) return c > U' ' && c != 0x7F && !is_alphanumeric(c);
  return contains(kSymbols, c) && !is_letter(c);
}

std::string_view typographic_replacement(char32_t character) {
  switch (character) {
    case 0xA2:
      return "cents";
    case 0xA3:
      return "#";  // the treebank's sign for the pound
    case 0xA4:
    case 0x20A0:
    case 0x20AC:
      return "$";
    case 0xAB:
    case 0x201C:
      return "``";
    case 0xBB:
    case 0x201D:
      return "''";
    case 0xBC:
      return "1/4";
    case 0xBD:
      return "1/2";
    case 0xBE:
      return "3/4";
    case 0x2013:
    case 0x2014:
    case 0x2015:
      return "--";
    case 0x2018:
    case 0x201B:
    case 0x2039:
      return "`";
    case 0x203A:
      return "'";
    case 0x2026:
      return "...";
    case 0x2153:
      return "1/3";
    case 0x2154:
      return "2/3";
    default:
      return {};
  }
}

}  // namespace blip2
