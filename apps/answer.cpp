// blip2 answer: visual question answering, by writing an answer or by ranking given ones.
#include <optional>

#include "apps/generation_arguments.h"
#include "apps/open_model.h"
#include "apps/output.h"
#include "apps/picture_options.h"
#include "apps/verb.h"
#include "blip2/base/error.h"
#include "blip2/models/text_writer.h"
#include "blip2/tasks/answerer.h"
#include "blip2/tasks/question_file.h"
#include "blip2/tasks/row_order.h"
#include "blip2/tasks/rows.h"

namespace blip2 {
namespace {

struct AnswerVerb {
  std::string model, jsonl, images, candidates;
  std::optional<std::string> form;
  std::vector<std::string> questions;
  std::vector<std::string> given;  // the candidates
  PictureArguments pictures;
  GenerationArguments generation;
  RowWriter rows;

  void add(Options& options) {
    pictures.add(options, PictureArguments::Presence::kOptional);
    options.require("--model DIR", model, "directory of the model");
    options.add("--question TEXT...", questions, "questions about every picture");
    options.add("--jsonl FILE", jsonl,
                R"(questions about pictures, a line each: {"image", "question", "question_id"?}; )"
                "or an official file of VQA questions");
    options.add("--images DIR", images, "folder that the pictures of --jsonl start from [its own]");
    options.add("--template TEXT", form,
                "what the model reads, with {} for the question [the family's own]");
    options.add("--candidates FILE", candidates,
                "answers to choose among, a line each: the most likely one is the answer, and "
                "nothing is written");
    rows.add(options);
    generation.add(options);
  }

  void check() const {
    if (jsonl.empty() == questions.empty()) {
      fail(ErrorCode::kInvalidArgument, "expected either --question or --jsonl");
    }
    if (!jsonl.empty() && !pictures.images.empty()) {
      fail(ErrorCode::kInvalidArgument, "--jsonl names its pictures: expected no other IMAGE");
    }
    if (jsonl.empty() && !images.empty()) {
      fail(ErrorCode::kInvalidArgument, "--images: expected --jsonl, whose pictures start there");
    }
    if (form) check_template(*form);
    if (!candidates.empty() && !generation.first_given().empty()) {
      fail(ErrorCode::kInvalidArgument,
           "--candidates: nothing is written: expected no generation option, found {}",
           generation.first_given());
    }
  }

  QuestionFile read_questions() {
    if (!jsonl.empty()) return read_question_file(jsonl, images);
    QuestionFile asked;
    size_t place = 0;
    for (const std::string& path : pictures.paths()) {
      asked.images.push_back({path, {}});
      for (const std::string& question : questions) {
        asked.images.back().questions.push_back({question, "", 0, place++});
      }
    }
    return asked;
  }

  AnswererOptions answerer_options(const Bundle& bundle, const GeneralOptions& general) const {
    AnswererOptions options;
    options.form = form.value_or(default_question_template(bundle));
    options.generation = generation.over(default_generation_options(bundle, model));
    options.candidates = given;
    options.refused = jsonl.empty() ? RefusedQuestion::kThrows : RefusedQuestion::kFailsAlone;
    options.seed = general.seed_or_default();
    return options;
  }

  int run(const GeneralOptions& general) {
    check();
    const QuestionFile asked = read_questions();
    if (asked.images.empty()) fail(ErrorCode::kInvalidArgument, "expected pictures, found none");
    std::vector<std::string> paths;
    for (const QuestionedImage& image : asked.images) paths.push_back(image.image);
    if (!candidates.empty()) given = read_candidates(candidates);
    const OpenModel opened(model, general, pictures);
    opened.expect(can_write(opened.bundle), "that writes texts");
    const Answerer answerer(opened.bundle, answerer_options(opened.bundle, general));
    RowOrder order;
    for (const BadLine& bad : asked.bad_lines) order.put(bad.asked.place, {bad_line_row(bad)});
    return for_each_picture_batch(pictures, paths, opened.bundle.transform, rows, general,
                                  [&](const PictureBatch& batch) {
                                    if (!batch.pictures.empty()) {
                                      answer_batch(answerer, asked, batch.pictures, order);
                                    }
                                    refuse_failures(asked, batch, order);
                                    return order.take();
                                  });
  }

  /// The rows of what is asked of each picture of a batch.
  void answer_batch(const Answerer& answerer, const QuestionFile& asked,
                    const std::vector<Picture>& batch, RowOrder& order) const {
    std::vector<Question> all;
    std::vector<const AskedQuestion*> origins;
    for (size_t i = 0; i < batch.size(); ++i) {
      for (const AskedQuestion& question : asked.images[batch[i].input].questions) {
        all.push_back({i, question.question});
        origins.push_back(&question);
      }
    }
    const std::vector<Answered> answered = answerer.answer(batch, all);
    for (size_t i = 0; i < all.size(); ++i) {
      const std::string& path = batch[all[i].picture].path;
      std::vector<Row> made;
      if (!answered[i].error.empty()) {
        made.push_back(refused_question_row(path, *origins[i], answered[i].error));
      }
      for (const Answer& answer : answered[i].answers) {
        made.push_back(answer_row(path, *origins[i], answer));
        if (!candidates.empty()) break;  // the best is the answer
      }
      order.put(origins[i]->place, std::move(made));
    }
  }

  /// A picture that cannot be read fails each question about it.
  void refuse_failures(const QuestionFile& asked, const PictureBatch& batch,
                       RowOrder& order) const {
    for (const PictureFailure& failed : batch.failures) {
      const bool is_missing = !jsonl.empty() && !names_picture(failed.path);
      const std::string advice =
          is_missing ? "; relative pictures start from the file's folder, or from --images" : "";
      for (const AskedQuestion& question : asked.images[failed.input].questions) {
        order.put(question.place,
                  {refused_question_row(failed.path, question, failed.reason + advice)});
      }
    }
  }
};

}  // namespace

Verb answer_verb() { return make_verb<AnswerVerb>("answer", "answers questions about pictures"); }

}  // namespace blip2
