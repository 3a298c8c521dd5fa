// Files of questions about pictures: what `blip2 answer --jsonl` reads.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace blip2 {

struct AskedQuestion {
  std::string question;
  std::string question_id;  ///< the JSON of the member, a whole number without ".0"; "": none
  size_t line = 0;          ///< of JSON lines, from 1; 0: it is in no line
  size_t place = 0;         ///< among all questions of the file, bad ones included, from 0
  std::string where = {};   ///< "FILE:LINE", "FILE[3]"; "" where no file asks
};

/// A picture with all the questions about it.
struct QuestionedImage {
  std::string image;  ///< path; a relative one starts from the file's folder, or the one given
  std::vector<AskedQuestion> questions;
};

/// A line, or an element of a list, that is not a question.
struct BadLine {
  std::string image;    ///< what could be read of it; may be empty
  AskedQuestion asked;  ///< likewise
  std::string reason;   ///< "FILE:LINE: expected ..."
};

struct QuestionFile {
  std::vector<QuestionedImage> images;
  std::vector<BadLine> bad_lines;
};

/// Reads {"image", "question", "question_id"?}, as lines or as one JSON list, or an official file
/// of VQA questions, whose pictures are called by COCO's names (VqaQuestionFile). Questions about
/// one picture are grouped, and pictures are in the order of their first question. `images`: where
/// relative pictures start; empty: the file's folder. Throws kNotFound, or kCorruptData where
/// nothing is a question.
QuestionFile read_question_file(const std::filesystem::path& path,
                                const std::filesystem::path& images = {});

}  // namespace blip2
