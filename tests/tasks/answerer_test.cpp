// Questions are put into their template, refused questions fail alone, and candidates are ranked as
// a plain loop over the decoder scores them.
#include "blip2/tasks/answerer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <functional>

#include "blip2/base/error.h"
#include "blip2/models/encode_pictures.h"
#include "blip2/models/text_writer.h"
#include "tests/support/errors.h"
#include "tests/support/tiny/models.h"
#include "tests/support/tiny/pictures.h"

namespace blip2 {
namespace {
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

const std::vector<std::string> kCandidates = {"red", "a blue cat", "green dog", "a"};

class AnswererTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  std::vector<std::string> paths_ = testing::write_pictures(folder_, 3);

  std::vector<Picture> pictures(const Bundle& bundle) const {
    std::vector<Picture> read;
    for (const std::string& path : paths_) read.push_back(read_picture(path, bundle.transform));
    return read;
  }
};

/// The score of a candidate by a decoder of its own, a token at a time. `ids` are the candidate's
/// without the end token.
double score_alone(const Bundle& bundle, const Picture& picture, const std::string& prompt,
                   std::vector<int64_t> ids, double label_smoothing) {
  const at::NoGradGuard no_grad;
  const std::span<const float> pixels = picture.pixels;
  const StartedTexts started =
      start_writing(bundle, encode_pictures(bundle, {pixels}), {{0, prompt}});
  ids.push_back(started.eos_ids.at(0));
  double score = 0;
  at::Tensor logits = started.decoder->start();
  for (const int64_t id : ids) {
    const at::Tensor words = at::log_softmax(logits, -1)[0];
    score += (1 - label_smoothing) * words[id].item<double>() +
             label_smoothing * words.mean().item<double>();
    logits = started.decoder->step(at::tensor({id}, at::kLong));
  }
  return score;
}

void expect_plain_ranking(const Bundle& bundle, const std::vector<Picture>& pictures,
                          double label_smoothing) {
  const Answerer answerer(bundle, {.form = "a {}", .candidates = kCandidates});
  const std::vector<Question> questions = {{0, "dog"}, {2, "red cat"}, {0, "green"}};
  const std::vector<Answered> found = answerer.answer(pictures, questions);
  ASSERT_EQ(found.size(), questions.size());
  for (size_t i = 0; i < questions.size(); ++i) {
    ASSERT_EQ(found[i].answers.size(), kCandidates.size());
    EXPECT_TRUE(std::ranges::is_sorted(found[i].answers, std::ranges::greater(), &Answer::score));
    for (const Answer& answer : found[i].answers) {
      const std::vector<int64_t> ids =
          bundle.text_tokenizer->encode(answer.text, Specials::kWithout);
      const double expected = score_alone(bundle, pictures[questions[i].picture],
                                          "a " + questions[i].text, ids, label_smoothing);
      EXPECT_NEAR(answer.score, expected, 1e-4) << i << " " << answer.text;
    }
  }
}

TEST_F(AnswererTest, CandidatesAfterAPromptAreRankedAsAPlainLoopScoresThem) {
  const Bundle bundle = testing::tiny_blip_captioner(folder_);
  expect_plain_ranking(bundle, pictures(bundle), 0);
}

TEST_F(AnswererTest, CandidatesThatStartATextAreRankedWithTheSmoothingOfTheirTraining) {
  const Bundle bundle = testing::tiny_blip_answerer(folder_);
  expect_plain_ranking(bundle, pictures(bundle), 0.1);
}

TEST_F(AnswererTest, AWrittenAnswerFollowsTheFilledTemplate) {
  const Bundle bundle = testing::tiny_blip_captioner(folder_);
  GenerationOptions generation;
  generation.max_new_tokens = 5;
  const auto written = Answerer(bundle, {.form = "a {} cat", .generation = generation})
                           .answer(pictures(bundle), {{1, "red"}});
  const auto expected =
      Captioner(bundle, generation, "").answer(pictures(bundle), {{1, "a red cat"}});
  ASSERT_EQ(written.at(0).answers.size(), 1U);
  EXPECT_EQ(written[0].answers[0].text, expected.at(0).at(0).text);
  EXPECT_EQ(written[0].answers[0].score, expected[0][0].score);
}

TEST_F(AnswererTest, ARefusedQuestionFailsAloneOrEndsAll) {
  const Bundle bundle = testing::tiny_blip_captioner(folder_);
  const std::vector<Question> questions = {{0, "dog"}, {0, "<image>"}, {1, "cat"}};
  for (const std::vector<std::string>& candidates : {std::vector<std::string>{}, kCandidates}) {
    AnswererOptions options = {.candidates = candidates};
    EXPECT_THAT(
        error_of([&] { Answerer(bundle, options).answer(pictures(bundle), questions); }).second,
        HasSubstr("<image>"));
    options.refused = RefusedQuestion::kFailsAlone;
    const Answerer answerer(bundle, options);
    const std::vector<Answered> found = answerer.answer(pictures(bundle), questions);
    EXPECT_THAT(found.at(1).error, HasSubstr("<image>"));
    EXPECT_TRUE(found[1].answers.empty());
    for (const size_t good : {size_t{0}, size_t{2}}) {
      EXPECT_EQ(found[good].error, "");
      const std::vector<Answered> alone = answerer.answer(pictures(bundle), {questions[good]});
      EXPECT_EQ(found[good].answers.at(0).text, alone.at(0).answers.at(0).text);
    }
  }
}

TEST_F(AnswererTest, AModelThatTakesNoQuestionIsNoFaultOfAQuestion) {
  const Bundle bundle = testing::tiny_stage1(folder_);
  const Answerer answerer(bundle, {.refused = RefusedQuestion::kFailsAlone});
  EXPECT_THAT(error_of([&] { answerer.answer(pictures(bundle), {{0, "cat"}}); }).second,
              HasSubstr("stage-1"));
}

TEST_F(AnswererTest, ACandidateWithoutRoomIsNamed) {
  const Bundle bundle = testing::tiny_blip_answerer(folder_);
  std::string longest = "cat";
  for (int i = 0; i < 40; ++i) longest += " cat";
  const Answerer answerer(bundle, {.candidates = {"dog", longest}});
  EXPECT_THAT(error_of([&] { answerer.answer(pictures(bundle), {{0, "red"}}); }).second,
              HasSubstr("candidate \"cat cat"));
}

TEST_F(AnswererTest, ATemplateWithoutAPlaceIsRefused) {
  const Bundle bundle = testing::tiny_blip_captioner(folder_);
  EXPECT_THAT(error_of([&] { Answerer(bundle, {.form = "no place"}); }).second, HasSubstr("{}"));
}

TEST(FillTemplate, PutsTheQuestionInTheFirstPlace) {
  EXPECT_EQ(fill_template("Question: {} Answer:", "why?"), "Question: why? Answer:");
  EXPECT_EQ(fill_template("{}", "{}{}"), "{}{}");
}

TEST(ReadCandidates, TakesAnAnswerALine) {
  const TemporaryFolder folder;
  const std::string file = folder.write("answers.txt", "yes\n\n  no, thanks \r\n");
  EXPECT_THAT(read_candidates(file), ElementsAre("yes", "no, thanks"));
  const std::string empty = folder.write("empty.txt", "\n");
  EXPECT_THAT(error_of([&] { read_candidates(empty); }).second, HasSubstr("found none"));
  const std::string twice = folder.write("twice.txt", "yes\nyes\n");
  EXPECT_THAT(error_of([&] { read_candidates(twice); }).second,
              HasSubstr("\"yes\" is named twice"));
}

}  // namespace
}  // namespace blip2
