// Canonical decomposition and composition (Unicode's annex 15), by the reference's tables.
#pragma once

#include <string>

namespace blip2 {

/// Puts `text` in canonical decomposition (NFD) and drops its non-spacing marks.
std::u32string strip_accents(const std::u32string& text);

/// Puts `text` in canonical composition (NFC).
std::u32string compose(const std::u32string& text);

}  // namespace blip2
