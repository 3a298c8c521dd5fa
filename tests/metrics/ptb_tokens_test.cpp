#include "blip2/metrics/ptb_tokens.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/support/tests_directory.h"

namespace blip2 {
namespace {

std::string joined(const std::vector<std::string>& tokens) {
  std::string line;
  for (const std::string& token : tokens) line += (line.empty() ? "" : " ") + token;
  return line;
}

// Tokens with their punctuation, as Stanford's PTBTokenizer 3.4.1 gave them.
TEST(PtbTokens, KeepsPunctuationAsTheOriginal) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"A man (white) riding a wave.", "a man -lrb- white -rrb- riding a wave ."},
      {"A Man's dog doesn't like the \"red\" ball; it's 5'2\" tall.",
       "a man 's dog does n't like the `` red '' ball ; it 's 5 ' 2 '' tall ."},
      {"two-story building w/ 1/2 of a pizza & 3 1/2 apples, e.g. this...",
       "two-story building w / 1/2 of a pizza & 3\xC2\xA0"
       "1/2 apples , e.g. this ..."},
      {"hello!!! what??? ok -- fine - yes --- no 12:30 p.m. 1,000 $5.00",
       "hello !!! what ??? ok -- fine - yes -- no 12:30 p.m. 1,000 $ 5.00"},
      {"a cat [sitting] on {a} mat <b>bold</b> #hashtag @user",
       "a cat -lsb- sitting -rsb- on -lcb- a -rcb- mat <b> bold </b> #hashtag @user"},
      {"'tis the season y'all o'clock rock 'n' roll",
       "'t is the season y' all o'clock rock 'n' roll"},
      {"polar bears' den, 50's '50s 1950's 1950s'",
       "polar bears ' den , 50 's '50s 1950 's 1950s '"},
      {"8 ft. tall & 10in. by 6ft.", "8 ft. tall & 10in . by 6ft ."},
      {"he said hello.. / hello....", "he said hello . . / hello ..."},
      {"couldn't've ain't", "could n't 've ai n't"},
      {":) <3", ":-rrb- < 3"},
      {"a man\"s hat", "a man `` s hat"},
      {"cat's-eye", "cat 's - eye"},
      {"#5 and $20 and 50%", "# 5 and $ 20 and 50 %"},
      {"it`s", "it ` s"},
      {"grey colour theatre", "grey colour theatre"},
      {"at 5 p.m.", "at 5 p.m."},
  };
  for (const auto& [caption, expected] : cases) EXPECT_EQ(joined(ptb_tokens(caption)), expected);
}

// Golden: tools/make_metrics_goldens.py, the original tokenizer over the whole list; exact.
TEST(PtbTokens, WordsEqualTheOriginalOnAWholeList) {
  std::ifstream file(testing::tests_directory() / "golden/metrics/ptb_tokens.json");
  const nlohmann::json golden = nlohmann::json::parse(file);
  std::vector<std::string> captions;
  for (const auto& entry : golden) captions.push_back(entry.at("caption"));
  const std::vector<Words> words = corpus_words(captions);
  ASSERT_GT(captions.size(), 100U);
  for (size_t i = 0; i < captions.size(); ++i) {
    EXPECT_EQ(joined(words[i]), golden[i].at("words").get<std::string>()) << captions[i];
  }
}

TEST(PtbTokens, TheNextCaptionDecidesOverALoneLetter) {
  EXPECT_EQ(joined(caption_words("The letter W.", "The letter X.")), "the letter w");
  EXPECT_EQ(joined(caption_words("The letter W.", "dogs")), "the letter w.");
  EXPECT_EQ(joined(corpus_words(std::vector<std::string>{"The letter W.", "", "A cat"})[0]),
            "the letter w");
}

TEST(PtbTokens, AnyBytesAreTokenised) {
  std::mt19937 generator(5);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes;
    const std::string likely = "aA1.,'-/<>&:;=()#@ \xE2\x80\x99";
    for (unsigned i = generator() % 24; i > 0; --i) {
      const auto draw = generator();
      bytes += draw % 4 == 0 ? static_cast<char>(draw >> 8) : likely[(draw >> 8) % likely.size()];
    }
    for (const std::string& token : ptb_tokens(bytes, bytes)) {
      EXPECT_FALSE(token.empty()) << bytes;
      EXPECT_EQ(token.find(' '), std::string::npos) << bytes;
    }
  }
  EXPECT_TRUE(caption_words("").empty());
  EXPECT_TRUE(caption_words("\xFF\xFE \xC3").empty());
}

}  // namespace
}  // namespace blip2
