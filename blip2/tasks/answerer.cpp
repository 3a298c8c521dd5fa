// Answers questions: puts them into the model's template, writes or ranks answers, and keeps the
// failure of one question from the others.
#include "blip2/tasks/answerer.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/generate/rank.h"
#include "blip2/models/bundle.h"
#include "blip2/models/encode_pictures.h"
#include "blip2/models/text_writer.h"
#include "blip2/nn/autocast.h"
#include "blip2/tasks/text_list.h"

namespace blip2 {
namespace {

/// The ids of `text` as the model would write them after `prompt`, with the end token. Training
/// reads prompt and answer with one space between them.
std::vector<int64_t> answer_ids(const StartedTexts& started, const std::string& prompt,
                                const std::string& text) {
  const Tokenizer& tokenizer = *started.tokenizer;
  std::vector<int64_t> ids;
  if (started.continues_prompt && !prompt.empty()) {
    const std::vector<int64_t> start = tokenizer.encode(prompt, Specials::kWithout);
    ids = tokenizer.encode(prompt + " " + text, Specials::kWithout);
    ids.erase(ids.begin(), ids.begin() + std::min(std::ssize(start), std::ssize(ids)));
  } else {
    ids = tokenizer.encode(text, Specials::kWithout);
  }
  if (!started.eos_ids.empty()) ids.push_back(started.eos_ids.front());
  return ids;
}

/// Checks that the model has positions for a candidate, and that there is something to score.
void check_candidate(const std::string& text, const std::vector<int64_t>& ids, int64_t room) {
  if (ids.empty())
    fail(ErrorCode::kInvalidArgument, "candidate {}: expected tokens, found none", quote(text));
  if (std::ssize(ids) <= room) return;
  fail(ErrorCode::kInvalidArgument,
       "candidate {}: expected at most {} tokens, what the model has positions for after the "
       "question, found {}",
       quote(text), room, ids.size());
}

}  // namespace

std::string fill_template(const std::string& form, const std::string& question) {
  const size_t place = form.find("{}");
  BLIP2_CHECK(place != std::string::npos);
  return form.substr(0, place) + question + form.substr(place + 2);
}

void check_template(const std::string& form) {
  if (form.find("{}") != std::string::npos) return;
  fail(ErrorCode::kInvalidArgument, "--template: expected {{}} for the question, found {}",
       quote(form));
}

Answerer::Answerer(const Bundle& bundle, AnswererOptions options)
    : bundle_(bundle),
      options_(std::move(options)),
      captioner_(bundle, options_.generation, "", options_.seed) {
  check_template(options_.form);
}

std::vector<Answered> Answerer::answer(const std::vector<Picture>& pictures,
                                       const std::vector<Question>& questions) const {
  std::vector<Question> prompts;
  for (const Question& question : questions) {
    prompts.push_back({question.picture, fill_template(options_.form, question.text)});
  }
  // A model that takes no question at all is no fault of the questions.
  const bool may_fail_alone =
      options_.refused == RefusedQuestion::kFailsAlone && can_be_prompted(bundle_);
  try {
    return answer_all(pictures, prompts);
  } catch (const Error& error) {
    if (!may_fail_alone || error.code() != ErrorCode::kInvalidArgument) throw;
  }
  std::vector<Answered> answers;
  for (const Question& prompt : prompts) {
    try {
      answers.push_back(answer_all({pictures[prompt.picture]}, {{0, prompt.text}}).front());
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kInvalidArgument) throw;
      answers.push_back({{}, error.what()});
    }
  }
  return answers;
}

std::vector<Answered> Answerer::answer_all(const std::vector<Picture>& pictures,
                                           const std::vector<Question>& prompts) const {
  if (!options_.candidates.empty()) return rank_all(pictures, prompts);
  std::vector<Answered> answers;
  for (const std::vector<Caption>& captions : captioner_.answer(pictures, prompts)) {
    Answered& answered = answers.emplace_back();
    for (const Caption& caption : captions) {
      answered.answers.push_back({caption.text, caption.score});
    }
  }
  return answers;
}

std::vector<Answered> Answerer::rank_all(const std::vector<Picture>& pictures,
                                         const std::vector<Question>& prompts) const {
  if (pictures.empty() || prompts.empty()) return {};
  const at::NoGradGuard no_grad;
  const Autocast autocast(bundle_.arithmetic);
  for (const Question& prompt : prompts) check_prompt(bundle_, prompt.text, "the text");
  const at::Tensor image_embeds = encode_pictures(bundle_, pixels_of(pictures));  // [B, P, Dv]
  std::vector<Answered> answers;
  for (const Question& prompt : prompts) {  // one by one: each has a row for every candidate
    const at::Tensor of_picture = image_embeds.narrow(0, static_cast<int64_t>(prompt.picture), 1);
    const StartedTexts started = start_writing(bundle_, of_picture, {{0, prompt.text}});
    RankRequest request;
    request.label_smoothing = started.label_smoothing;
    for (const std::string& candidate : options_.candidates) {
      request.texts.push_back(answer_ids(started, prompt.text, candidate));
      check_candidate(candidate, request.texts.back(), started.room.front());
    }
    Answered& answered = answers.emplace_back();
    for (const RankedText& ranked : rank_texts(*started.decoder, request)) {
      answered.answers.push_back({options_.candidates[ranked.text], ranked.score});
    }
  }
  return answers;
}

std::vector<std::string> read_candidates(const std::filesystem::path& file) {
  std::vector<std::string> candidates = read_text_list(file, {"--candidates", "an answer"});
  if (candidates.empty()) {
    fail(ErrorCode::kInvalidArgument, "--candidates: {}: expected answers, a line each, found none",
         file.string());
  }
  return candidates;
}

}  // namespace blip2
