// Files of questions: grouped by picture, and bad lines reported one by one.
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
  const QuestionFile file = read_question_file(path);
  EXPECT_TRUE(file.bad_lines.empty());
  const std::vector<QuestionedImage>& images = file.images;
  ASSERT_EQ(images.size(), 2u);
  EXPECT_EQ(images[0].image, (folder / "b.png").string());
  ASSERT_EQ(images[0].questions.size(), 2u);
  EXPECT_EQ(images[0].questions[0].question, "why?");
  EXPECT_EQ(images[0].questions[0].question_id, "");
  EXPECT_EQ(images[0].questions[1].question, "when?");
  EXPECT_EQ(images[0].questions[1].line, 4u);
  EXPECT_EQ(images[0].questions[1].question_id, "12");
  EXPECT_EQ(images[1].image, "/a.png");
  EXPECT_EQ(images[1].questions[0].question, "who\u00e9");
  EXPECT_EQ(images[1].questions[0].question_id, "\"x\"");
}

TEST(QuestionFile, ABadLineCostsNobodyTheOthers) {
  const testing::TemporaryFolder folder;
  const auto path =
      folder.write("asked.jsonl",
                   "nonsense\n{\"image\": \"a\", \"question\": \"b\"}\n"
                   "{\"image\": \"a\"}\n{\"image\": \"a\", \"question\": \"c\"}\n{\"im");
  const QuestionFile file = read_question_file(path);
  ASSERT_EQ(file.images.size(), 1u);
  ASSERT_EQ(file.images[0].questions.size(), 2u);
  EXPECT_EQ(file.images[0].questions[0].line, 2u);
  EXPECT_EQ(file.images[0].questions[1].line, 4u);
  ASSERT_EQ(file.bad_lines.size(), 3u);
  EXPECT_EQ(file.bad_lines[0].line, 1u);
  EXPECT_EQ(file.bad_lines[1].line, 3u);
  EXPECT_EQ(file.bad_lines[1].reason,
            path.string() + ":3: question: expected a string, found nothing");
  EXPECT_EQ(file.bad_lines[2].line, 5u);
}

TEST(QuestionFile, AFileThatAsksNothingIsNamed) {
  const testing::TemporaryFolder folder;
  struct Case {
    const char *content, *expected;
  };
  for (const Case& bad :
       {Case{"\nnonsense\n", ":2: expected"},
        Case{"{\"image\": \"a\"}\n", ":1: question: expected a string"},
        Case{"{\"image\": 3, \"question\": \"b\"}\n", ":1: image: expected a string"},
        Case{"{\"image\": \"a\", \"question\": \"b\", \"question_id\": [1]}\n", "question_id"},
        Case{"\n\n", "expected questions"}}) {
    SCOPED_TRACE(bad.content);
    const auto path = folder.write("asked.jsonl", bad.content);
    try {
      read_question_file(path);
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
