#include "blip2/metrics/noun_accuracy.h"

#include <gtest/gtest.h>

#include <vector>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

TEST(NounAccuracy, HeadNounIsTheLastWordOfTheFirstPhrase) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"A classical guitar.", "guitar"},
      {"A black cat on the sofa", "cat"},
      {"grinning face with smiling eyes", "face"},
      {"flag: Norway", "flag"},
      {"man running", "man"},
      {"running man", "man"},
      {"kiss: woman, man", "kiss"},
      {"a pair of red shoes", "shoe"},
      {"a picture of a tiger", "tiger"},
      {"a string of garlic", "string"},
      {"St. Bernard dog", "dog"},
      {"the children's books", "book"},
      {"woman\xE2\x80\x99s hat", "hat"},
      {"A baby sheep (a lamb).", "sheep"},
      {"Holly leaves are shiny and have prickles!", "leaf"},
      {"Uranus\xE2\x80\x94one of the gas giants", "uranus"},
      {"\xE2\x80\x9C"
       "School Crossing\xE2\x80\x9D.",
       "crossing"},
      {"2.5 dollar coin", "coin"},
      {"in a field", "field"},
      {"of the", "the"},
      {"T-shirt", "t-shirt"},
      {"", ""},
      {"...", ""},
  };
  for (const auto& [caption, head] : cases) EXPECT_EQ(head_noun(caption), head) << caption;
}

TEST(NounAccuracy, SingularBySuffix) {
  const std::vector<std::pair<std::string, std::string>> cases = {{"dogs", "dog"},
                                                                  {"berries", "berry"},
                                                                  {"pies", "pie"},
                                                                  {"boxes", "box"},
                                                                  {"churches", "church"},
                                                                  {"glasses", "glass"},
                                                                  {"knives", "knife"},
                                                                  {"wolves", "wolf"},
                                                                  {"leaves", "leaf"},
                                                                  {"potatoes", "potato"},
                                                                  {"shoes", "shoe"},
                                                                  {"women", "woman"},
                                                                  {"bus", "bus"},
                                                                  {"grass", "grass"},
                                                                  {"iris", "iris"},
                                                                  {"as", "as"},
                                                                  {"horses", "horse"},
                                                                  {"cat", "cat"},
                                                                  {"", ""},
                                                                  {"gloves", "glove"}};
  for (const auto& [plural, one] : cases) EXPECT_EQ(singular(plural), one);
}

TEST(NounAccuracy, NounIsFoundAsAWholeWordInEitherNumber) {
  EXPECT_TRUE(contains_noun("Two black Cats!", "cat"));
  EXPECT_TRUE(contains_noun("a cat.", head_noun("cats")));
  EXPECT_TRUE(contains_noun("a school-bus", "bus"));
  EXPECT_FALSE(contains_noun("a category", "cat"));
  EXPECT_FALSE(contains_noun("", "cat"));
  EXPECT_FALSE(contains_noun("anything", ""));
}

TEST(NounAccuracy, PercentOfCaptionsWithTheRightNoun) {
  const std::vector<std::string> captions = {"a goat", "two owls", "a penguin", "a red car"};
  const std::vector<std::string> references = {"A horse.", "An owl.", "A great blue heron.",
                                               "car, racing"};
  EXPECT_DOUBLE_EQ(noun_accuracy(captions, references), 50);
  EXPECT_THROW(noun_accuracy(captions, {}), Error);
  EXPECT_THROW(noun_accuracy({}, {}), Error);
}

TEST(NounAccuracy, DistinctCaptionsAreCountedOnce) {
  EXPECT_EQ(num_distinct(std::vector<std::string>{"a cat", " a cat\n", "A cat", "", "  "}), 3U);
}

}  // namespace
}  // namespace blip2
