// blip2 answer: visual question answering.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "apps/generation_arguments.h"
#include "apps/output.h"
#include "apps/picture_options.h"
#include "apps/verb.h"
#include "blip2/base/error.h"
#include "blip2/base/json_text.h"
#include "blip2/models/bundle.h"
#include "blip2/tasks/captioner.h"
#include "blip2/tasks/question_file.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;

Row to_row(const std::string& path, const AskedQuestion& asked, const Caption& answer) {
  Json json = {{"image", path}, {"question", asked.question}};
  if (!asked.question_id.empty()) json["question_id"] = Json::parse(asked.question_id);
  json["answer"] = answer.text;
  json["score"] = answer.score;
  return {json_on_one_line(json), columns({path, asked.question, answer.text})};
}

/// The question in its template, where "{}" stands for it.
std::string fill(const std::string& form, const std::string& question) {
  const size_t place = form.find("{}");
  return form.substr(0, place) + question + form.substr(place + 2);
}

struct AnswerVerb {
  std::string model, jsonl;
  std::optional<std::string> form;
  std::vector<std::string> questions;
  PictureArguments pictures;
  GenerationArguments generation;
  RowWriter rows;

  void add(Options& options) {
    pictures.add(options, PictureArguments::Presence::kOptional);
    options.require("--model DIR", model, "directory of the model");
    options.add("--question TEXT...", questions, "questions about every picture");
    options.add("--jsonl FILE", jsonl,
                R"(questions about pictures, a line each: {"image", "question", "question_id"?})");
    options.add("--template TEXT", form,
                "what the model reads, with {} for the question [the family's own]");
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
    if (form && form->find("{}") == std::string::npos) {
      fail(ErrorCode::kInvalidArgument, "--template: expected {{}} for the question, found '{}'",
           *form);
    }
  }

  int run(const GeneralOptions& general) {
    check();
    std::vector<std::string> paths;
    std::vector<std::vector<AskedQuestion>> asked;  // of each path
    if (jsonl.empty()) {
      paths = pictures.paths();
      std::vector<AskedQuestion> all;
      for (const std::string& question : questions) all.push_back({question, ""});
      asked.assign(paths.size(), all);
    } else {
      for (QuestionedImage& image : read_questions_of(jsonl)) {
        paths.push_back(std::move(image.image));
        asked.push_back(std::move(image.questions));
      }
    }
    if (paths.empty()) fail(ErrorCode::kInvalidArgument, "expected pictures, found none");
    const OpenModel opened(model, general);
    const Bundle& bundle = opened.bundle;
    const Captioner captioner(bundle, generation.over(default_generation_options(bundle)), "",
                              general.seed_or_default());
    const std::string frame = form.value_or(default_question_template(bundle));
    return for_each_batch(pictures, paths, bundle.transform, rows, general,
                          [&](const std::vector<Picture>& batch) {
                            return answer_batch(captioner, frame, asked, batch);
                          });
  }

  /// What is asked of each picture of a batch, all at once.
  BatchRows answer_batch(const Captioner& captioner, const std::string& frame,
                         const std::vector<std::vector<AskedQuestion>>& asked,
                         const std::vector<Picture>& batch) const {
    std::vector<Question> prompts;
    std::vector<const AskedQuestion*> origins;
    for (size_t i = 0; i < batch.size(); ++i) {
      for (const AskedQuestion& question : asked[batch[i].input]) {
        prompts.push_back({i, fill(frame, question.question)});
        origins.push_back(&question);
      }
    }
    BatchRows result(batch.size());
    const auto answers = captioner.answer(batch, prompts);
    for (size_t i = 0; i < prompts.size(); ++i) {
      const size_t picture = prompts[i].picture;
      for (const Caption& answer : answers[i]) {
        result[picture].push_back(to_row(batch[picture].path, *origins[i], answer));
      }
    }
    return result;
  }
};

}  // namespace

Verb answer_verb() { return make_verb<AnswerVerb>("answer", "answers questions about pictures"); }

}  // namespace blip2
