// The four normalisation forms of Unicode's annex 15, by the reference's tables.
#pragma once

#include <string>

namespace blip2 {

/// Puts `text` in canonical decomposition (NFD) and drops its non-spacing marks.
std::u32string strip_accents(const std::u32string& text);

enum class UnicodeForm {
  kNfc,   ///< canonical composition
  kNfd,   ///< canonical decomposition
  kNfkc,  ///< compatibility decomposition, then canonical composition
  kNfkd   ///< compatibility decomposition
};
std::u32string to_form(const std::u32string& text, UnicodeForm form);

}  // namespace blip2
