// Which of the known layouts a file of annotations has, for a message to somebody who named
// another one, and for readers that are told none.
#pragma once

#include <string>
#include <string_view>

namespace blip2 {

struct AnnotationLayout {
  std::string what;         ///< "an official VQA question file"; "" where nothing is recognised
  std::string format;       ///< the format that reads it; "" where none does
  std::string advice = {};  ///< what to do where none does
};

inline constexpr const char* kVqaQuestionFile = "an official VQA question file";

/// Looks at a text, as text_file.h gives it. A large file is gone through once.
AnnotationLayout annotation_layout(std::string_view text);

/// "an official VQA question file, which format vqav2 reads": what to say where another layout was
/// expected; "" where nothing is recognised, and where it is `format` itself.
std::string other_layout(std::string_view text, std::string_view format);

}  // namespace blip2
