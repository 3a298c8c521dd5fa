// How a caption or a question is cleaned before it is tokenised, as LAVIS's `blip_caption` and
// `blip_question` processors do.
#pragma once

#include <string>
#include <string_view>

namespace blip2 {

struct CaptionCleaning {
  int max_words = 50;
  std::string prompt;  ///< put in front as it is
};

/// Lower-cases, turns each of . ! " ( ) * # : ; ~ into a space, makes one space of two or more
/// white-space characters, strips line feeds at the end and then spaces at both ends, and keeps the
/// first `max_words` words. Bytes that are no UTF-8 become U+FFFD. Lower-casing is character by
/// character (no final sigma). Source: LAVIS, processors/blip_processors.py (BlipCaptionProcessor).
std::string clean_caption(std::string_view caption, const CaptionCleaning& options = {});

/// The same of a question: lower-cases, drops each of those characters, strips spaces at the end
/// and keeps the first `max_words` words. (BlipQuestionProcessor.)
std::string clean_question(std::string_view question, int max_words = 50);

}  // namespace blip2
