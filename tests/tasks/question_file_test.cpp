#include "blip2/tasks/question_file.h"

#include <gmock/gmock.h>

#include "blip2/base/error.h"
#include "tests/support/temporary_folder.h"

namespace blip2 {
namespace {
using ::testing::HasSubstr;

TEST(QuestionFile, QuestionsAboutOnePictureComeTogether) {
  const testing::TemporaryFolder folder;
  const auto path = folder.write("asked.jsonl", R"({"image": "b.png", "question": "why?"}

{"image": "/a.png", "question": "who\u00e9", "question_id": "x"}
{"image": "b.png", "question": "when?", "question_id": 12})");
  const std::vector<QuestionedImage> images = read_questions_of(path);
  ASSERT_EQ(images.size(), 2u);
  EXPECT_EQ(images[0].image, (folder / "b.png").string());
  ASSERT_EQ(images[0].questions.size(), 2u);
  EXPECT_EQ(images[0].questions[0].question, "why?");
  EXPECT_EQ(images[0].questions[0].question_id, "");
  EXPECT_EQ(images[0].questions[1].question, "when?");
  EXPECT_EQ(images[0].questions[1].question_id, "12");
  EXPECT_EQ(images[1].image, "/a.png");
  EXPECT_EQ(images[1].questions[0].question, "who\u00e9");
  EXPECT_EQ(images[1].questions[0].question_id, "\"x\"");
}

TEST(QuestionFile, ABadLineIsNamed) {
  const testing::TemporaryFolder folder;
  struct Case {
    const char *content, *expected;
  };
  for (const Case& bad :
       {Case{"{\"image\": \"a\", \"question\": \"b\"}\nnonsense\n", ":2: expected"},
        Case{"{\"image\": \"a\"}\n", ":1: expected \"question\""},
        Case{"{\"image\": 3, \"question\": \"b\"}\n", ":1: expected \"image\""},
        Case{"{\"image\": \"a\", \"question\": \"b\", \"question_id\": [1]}\n", "question_id"},
        Case{"\n\n", "expected questions"}}) {
    SCOPED_TRACE(bad.content);
    const auto path = folder.write("asked.jsonl", bad.content);
    try {
      read_questions_of(path);
      FAIL() << "read";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
      EXPECT_THAT(error.what(), HasSubstr(bad.expected));
      EXPECT_THAT(error.what(), HasSubstr("asked.jsonl"));
    }
  }
}

}  // namespace
}  // namespace blip2
