// Files of questions about pictures: what `blip2 answer --jsonl` reads.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace blip2 {

struct AskedQuestion {
  std::string question;
  std::string question_id;  ///< the JSON of the member, "" where there is none
};

/// A picture with all that is asked of it.
struct QuestionedImage {
  std::string image;  ///< path; a relative one starts from the file's folder
  std::vector<AskedQuestion> questions;
};

/// Reads {"image", "question", "question_id"?} lines. Questions about one picture come together,
/// pictures in the order of their first line. Throws kNotFound, or kCorruptData naming the line.
std::vector<QuestionedImage> read_questions_of(const std::filesystem::path& path);

}  // namespace blip2
