// Answers to questions about pictures: the model's words around a question, and the answer that a
// model writes or the candidate that it ranks first.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "blip2/generate/options.h"
#include "blip2/tasks/captioner.h"
#include "blip2/tasks/pictures.h"

namespace blip2 {

/// The question in its template, at the place of the first "{}".
std::string fill_template(const std::string& form, const std::string& question);

/// Throws kInvalidArgument for a template without {}.
void check_template(const std::string& form);

/// A question that the model refuses (too long, "<image>" in it) ends the whole call, or is an
/// error of its own.
enum class RefusedQuestion { kThrows, kFailsAlone };

struct AnswererOptions {
  std::string form = "{}";  ///< what the model reads, with {} for the question
  GenerationOptions generation = {};
  /// Answers to choose among by their likelihood; none: the model writes the answer.
  std::vector<std::string> candidates = {};
  RefusedQuestion refused = RefusedQuestion::kThrows;
  uint64_t seed = 42;
};

struct Answer {
  std::string text;
  /// Of a written answer as Caption::score. Of a candidate: the sum of the log-probabilities of its
  /// tokens and of the end token, given the picture and the question. It is not divided by the
  /// length, as LAVIS does not (1.0.2, models/blip2_models/blip2_t5_instruct.py: predict_class). A
  /// BLIP counts the label smoothing of its training in, as LAVIS does.
  double score = 0;
};

/// The answers to a question, or why there are none.
struct Answered {
  std::vector<Answer>
      answers;             ///< num_return_sequences of them; candidates: all scored, best first
  std::string error = "";  ///< empty where there are answers
};

/// The bundle must outlive it. Methods may be called by several threads.
class Answerer {
 public:
  /// Throws as Captioner's constructor; kInvalidArgument for a template without {}.
  Answerer(const Bundle& bundle, AnswererOptions options);

  /// The answers to each question, in order. A picture is encoded once, however many questions are
  /// about it. Throws kInvalidArgument for a question that the model refuses, with kThrows.
  ///
  /// Of more than 128 candidates those are scored whose first token is the most probable
  /// (RankRequest::num_scored).
  std::vector<Answered> answer(const std::vector<Picture>& pictures,
                               const std::vector<Question>& questions) const;

 private:
  std::vector<Answered> answer_all(const std::vector<Picture>& pictures,
                                   const std::vector<Question>& prompts) const;
  std::vector<Answered> rank_all(const std::vector<Picture>& pictures,
                                 const std::vector<Question>& prompts) const;

  const Bundle& bundle_;
  AnswererOptions options_;
  Captioner captioner_;
};

/// The candidates of a file, an answer a line. Throws as read_text_list(), and kInvalidArgument for
/// a file without any.
std::vector<std::string> read_candidates(const std::filesystem::path& file);

}  // namespace blip2
