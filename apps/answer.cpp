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
#include "blip2/base/quote.h"
#include "blip2/models/bundle.h"
#include "blip2/models/writing.h"
#include "blip2/tasks/captioner.h"
#include "blip2/tasks/question_file.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;

Json start_of_row(const std::string& path, const AskedQuestion& asked) {
  Json json = {{"image", path}, {"question", asked.question}};
  if (!asked.question_id.empty()) json["question_id"] = Json::parse(asked.question_id);
  return json;
}

Row to_row(const std::string& path, const AskedQuestion& asked, const Caption& answer) {
  Json json = start_of_row(path, asked);
  json["answer"] = answer.text;
  json["score"] = answer.score;
  return {json_on_one_line(json), columns({path, asked.question, answer.text})};
}

/// The failure of a line of the file of questions; `json` is what is known of it.
Row to_failure(Json json, size_t line, const std::string& reason) {
  json["line"] = line;
  json["error"] = reason;
  return {json_on_one_line(json), "", reason};
}

/// What a question that the model refuses ends.
enum class Refused { kAll, kQuestion };

/// What is answered to a question, or why nothing is.
struct Answered {
  std::vector<Caption> captions;
  std::string error;
};

Answered answer_one(const Captioner& captioner, const Picture& picture, const std::string& prompt) {
  try {
    return {captioner.answer({picture}, {{0, prompt}}).front(), ""};
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) throw;
    return {{}, error.what()};
  }
}

/// All at once; where a question is refused and ends itself alone, one by one.
std::vector<Answered> answer_all(const Captioner& captioner, const std::vector<Picture>& batch,
                                 const std::vector<Question>& prompts, Refused refused) {
  std::vector<Answered> answers;
  try {
    for (auto& captions : captioner.answer(batch, prompts)) answers.push_back({captions, ""});
    return answers;
  } catch (const Error& error) {
    if (refused == Refused::kAll || error.code() != ErrorCode::kInvalidArgument) throw;
  }
  for (const Question& prompt : prompts) {
    answers.push_back(answer_one(captioner, batch[prompt.picture], prompt.text));
  }
  return answers;
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
      fail(ErrorCode::kInvalidArgument, "--template: expected {{}} for the question, found {}",
           quote(*form));
    }
  }

  int run(const GeneralOptions& general) {
    check();
    std::vector<std::string> paths;
    std::vector<std::vector<AskedQuestion>> asked;  // of each path
    std::vector<BadLine> bad_lines;
    if (jsonl.empty()) {
      paths = pictures.paths();
      std::vector<AskedQuestion> all;
      for (const std::string& question : questions) all.push_back({question, "", 0});
      asked.assign(paths.size(), all);
    } else {
      QuestionFile file = read_question_file(jsonl);
      bad_lines = std::move(file.bad_lines);
      for (QuestionedImage& image : file.images) {
        paths.push_back(std::move(image.image));
        asked.push_back(std::move(image.questions));
      }
    }
    if (paths.empty()) fail(ErrorCode::kInvalidArgument, "expected pictures, found none");
    const OpenModel opened(model, general);
    const Bundle& bundle = opened.bundle;
    opened.expect(can_write(bundle), "that writes texts");
    const Captioner captioner(bundle, generation.over(default_generation_options(bundle, model)),
                              "", general.seed_or_default());
    const std::string frame = form.value_or(default_question_template(bundle));
    for (const BadLine& bad : bad_lines) {
      rows.write_failure(general, to_failure(Json::object(), bad.line, bad.reason));
    }
    // A model that takes no question at all is no fault of the questions.
    const bool is_of_question = !jsonl.empty() && can_be_prompted(bundle);
    const Refused refused = is_of_question ? Refused::kQuestion : Refused::kAll;
    const int status = for_each_batch(
        pictures, paths, bundle.transform, rows, general, [&](const std::vector<Picture>& batch) {
          return answer_batch(captioner, frame, asked, batch, refused);
        });
    return bad_lines.empty() ? status : 3;
  }

  /// What is asked of each picture of a batch, all at once.
  BatchRows answer_batch(const Captioner& captioner, const std::string& frame,
                         const std::vector<std::vector<AskedQuestion>>& asked,
                         const std::vector<Picture>& batch, Refused refused) const {
    std::vector<Question> prompts;
    std::vector<const AskedQuestion*> origins;
    for (size_t i = 0; i < batch.size(); ++i) {
      for (const AskedQuestion& question : asked[batch[i].input]) {
        prompts.push_back({i, fill(frame, question.question)});
        origins.push_back(&question);
      }
    }
    BatchRows result(batch.size());
    const std::vector<Answered> answers = answer_all(captioner, batch, prompts, refused);
    for (size_t i = 0; i < prompts.size(); ++i) {
      const Picture& picture = batch[prompts[i].picture];
      std::vector<Row>& made = result[prompts[i].picture];
      for (const Caption& answer : answers[i].captions) {
        made.push_back(to_row(picture.path, *origins[i], answer));
      }
      if (answers[i].error.empty()) continue;
      const std::string reason =
          fmt::format("{}:{}: {}", jsonl, origins[i]->line, answers[i].error);
      made.push_back(to_failure(start_of_row(picture.path, *origins[i]), origins[i]->line, reason));
    }
    return result;
  }
};

}  // namespace

Verb answer_verb() { return make_verb<AnswerVerb>("answer", "answers questions about pictures"); }

}  // namespace blip2
