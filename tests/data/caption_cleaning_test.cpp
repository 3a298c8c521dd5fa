// clean_caption against LAVIS's steps in Python (tools/make_data_goldens.py), exactly.
#include "blip2/data/caption_cleaning.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "blip2/base/files.h"
#include "tests/support/tests_directory.h"

namespace blip2 {
namespace {

TEST(CleanCaption, EqualsTheReference) {
  const auto rows =
      nlohmann::json::parse(read_file(testing::tests_directory() / "golden/data/captions.json"));
  ASSERT_GT(rows.size(), 250u);
  for (const auto& row : rows) {
    const auto text = row["text"].get<std::string>();
    EXPECT_EQ(clean_caption(text, {.max_words = row["max_words"], .prompt = row["prompt"]}),
              row["clean"].get<std::string>())
        << row["text"];
  }
}

TEST(CleanCaption, InvalidBytesAreReplaced) {
  EXPECT_EQ(clean_caption("A \xff\xfe"
                          "B\xc3"),
            "a \uFFFD\uFFFDb\uFFFD");
}

// LAVIS, processors/blip_processors.py: BlipQuestionProcessor, traced by hand.
TEST(CleanQuestion, DropsWhatACaptionHasSpacesFor) {
  EXPECT_EQ(clean_question("Is this (really) a dog?  "), "is this really a dog?");
  EXPECT_EQ(clean_question(" What's #1; \"A.B\"!"), " what's 1 ab");
  EXPECT_EQ(clean_question("a  b c", 3), "a  b");  // words are what lies between single spaces
  EXPECT_EQ(clean_question("One\n"), "one\n");
}

}  // namespace
}  // namespace blip2
