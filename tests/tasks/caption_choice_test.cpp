// Which captions of a picture CapFilt keeps, and the reason why it drops another.
#include "blip2/tasks/caption_choice.h"

#include <gmock/gmock.h>

namespace blip2 {
namespace {
using ::testing::ElementsAre;
using enum CaptionCandidate::Source;

CaptionCandidate web(std::string text, double score, double match = 1) {
  return {.text = std::move(text), .source = kWeb, .score = score, .match_probability = match};
}
CaptionCandidate drawn(std::string text, double score, double match = 1) {
  return {
      .text = std::move(text), .source = kSynthetic, .score = score, .match_probability = match};
}

/// "text" of what is kept, "text: reason" of what is not.
std::vector<std::string> chosen(std::vector<CaptionCandidate> candidates,
                                const CaptionRules& rules) {
  choose_captions(candidates, rules);
  std::vector<std::string> lines;
  for (const CaptionCandidate& candidate : candidates) {
    EXPECT_EQ(candidate.kept, candidate.dropped_by.empty());
    lines.push_back(candidate.kept ? candidate.text : candidate.text + ": " + candidate.dropped_by);
  }
  return lines;
}

TEST(CaptionChoice, TheBestTwoAreKept) {
  EXPECT_THAT(chosen({web("w", 0.2), drawn("x", 0.1), drawn("y", 0.4), drawn("z", 0.3)}, {}),
              ElementsAre("y", "z", "w: rank", "x: rank"));
}

TEST(CaptionChoice, OfEqualScoresTheWebComesFirstAndThenTheOrderDrawn) {
  EXPECT_THAT(chosen({web("w", 0.2), drawn("x", 0.2), drawn("y", 0.2), drawn("z", 0.2)}, {}),
              ElementsAre("w", "x", "y: rank", "z: rank"));
}

TEST(CaptionChoice, OfDuplicatesTheBestStays) {
  const std::vector<CaptionCandidate> candidates = {web("A Cat.", 0.1), drawn("a dog", 0.5),
                                                    drawn("a  cat", 0.3), drawn("A DOG", 0.4)};
  EXPECT_THAT(chosen(candidates, {}),
              ElementsAre("a dog", "A DOG: duplicate", "a  cat", "A Cat.: duplicate"));
  CaptionRules all;
  all.remove_duplicates = false;
  EXPECT_THAT(chosen(candidates, all),
              ElementsAre("a dog", "A DOG", "a  cat: rank", "A Cat.: rank"));
}

TEST(CaptionChoice, LowSimilarityIsDroppedBeforeRanks) {
  CaptionRules rules;
  rules.min_similarity = 0.25;
  EXPECT_THAT(chosen({web("w", 0.2), drawn("x", 0.25), drawn("y", 0.4), drawn("z", -1)}, rules),
              ElementsAre("y", "x", "w: similarity", "z: similarity"));
}

TEST(CaptionChoice, WhatDoesNotMatchMakesRoomForTheNext) {
  CaptionRules rules;
  rules.min_match_probability = 0.5;
  EXPECT_THAT(chosen({web("w", 0.5, 0.49), drawn("x", 0.4, 0.1), drawn("y", 0.3, 0.5),
                      drawn("z", 0.2, 0.9)},
                     rules),
              ElementsAre("w: match", "x: match", "y", "z"));
}

TEST(CaptionChoice, ACandidateThatNobodyMatchedDoesNotMatch) {
  CaptionRules rules;
  rules.min_match_probability = 0.5;
  CaptionCandidate unmatched = drawn("x", 0.4);
  unmatched.match_probability.reset();
  EXPECT_THAT(chosen({unmatched}, rules), ElementsAre("x: match"));
}

TEST(CaptionChoice, TheOriginalIsKeptWhateverItsScores) {
  CaptionRules rules;
  rules.always_keep_original = true;
  rules.min_similarity = 0.25;
  rules.min_match_probability = 0.5;
  EXPECT_THAT(chosen({web("w", 0.1, 0.1), drawn("x", 0.4), drawn("y", 0.5)}, rules),
              ElementsAre("y", "x: rank", "w"));
  // It stays in the place of a better caption that is the same text, and takes the only place.
  rules.num_kept = 1;
  EXPECT_THAT(chosen({web("x", 0.1), drawn("X", 0.4), drawn("y", 0.5)}, rules),
              ElementsAre("y: rank", "X: duplicate", "x"));
  // Several originals are all kept.
  EXPECT_THAT(chosen({web("v", 0.1), web("w", 0.2), drawn("y", 0.5)}, rules),
              ElementsAre("y: rank", "w", "v"));
}

TEST(CaptionChoice, NumKeptIsAMost) {
  CaptionRules rules;
  rules.num_kept = 5;
  EXPECT_THAT(chosen({drawn("x", 0.4), drawn("y", 0.5)}, rules), ElementsAre("y", "x"));
  rules.num_kept = 1;
  EXPECT_THAT(chosen({drawn("x", 0.4), drawn("y", 0.5)}, rules), ElementsAre("y", "x: rank"));
}

}  // namespace
}  // namespace blip2
