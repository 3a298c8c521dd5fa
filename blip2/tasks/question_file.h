// Files of questions about pictures: what `blip2 answer --jsonl` reads.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace blip2 {

struct AskedQuestion {
  std::string question;
  std::string question_id;  ///< the JSON of the member, "" where there is none
  size_t line = 0;          ///< of the file, from 1
};

/// A picture with all the questions about it.
struct QuestionedImage {
  std::string image;  ///< path; a relative one starts from the file's folder
  std::vector<AskedQuestion> questions;
};

/// A line that is not a question.
struct BadLine {
  size_t line = 0;     ///< from 1
  std::string reason;  ///< "FILE:LINE: expected ..."
};

struct QuestionFile {
  std::vector<QuestionedImage> images;
  std::vector<BadLine> bad_lines;
};

/// Reads {"image", "question", "question_id"?} lines. Questions about one picture are grouped, and
/// pictures are in the order of their first line. Throws kNotFound, or kCorruptData where no line
/// is a question.
QuestionFile read_question_file(const std::filesystem::path& path);

}  // namespace blip2
