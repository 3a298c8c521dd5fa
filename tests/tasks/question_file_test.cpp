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
  EXPECT_EQ(images[0].questions[1].place, 2u);
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
  EXPECT_EQ(file.bad_lines[0].asked.line, 1u);
  EXPECT_EQ(file.bad_lines[1].asked.line, 3u);
  EXPECT_EQ(file.bad_lines[1].asked.place, 2u);
  EXPECT_EQ(file.bad_lines[1].image, "a");
  EXPECT_EQ(file.bad_lines[1].reason,
            path.string() + ":3: question: expected a string, found nothing");
  EXPECT_EQ(file.bad_lines[2].asked.line, 5u);
}

TEST(QuestionFile, ListsAndOfficialFilesAreRead) {
  const testing::TemporaryFolder folder;
  const auto list = read_question_file(
      folder.write("vqa_val.json", R"([{"image": "a.png", "question": "why?", "question_id": 1.0,
                                        "width": NaN}, {"question": 3, "question_id": "x"}])"),
      "/pictures");
  ASSERT_EQ(list.images.size(), 1u);
  EXPECT_EQ(list.images[0].image, "/pictures/a.png");
  EXPECT_EQ(list.images[0].questions[0].question_id, "1");
  EXPECT_EQ(list.images[0].questions[0].line, 0u);
  ASSERT_EQ(list.bad_lines.size(), 1u);
  EXPECT_EQ(list.bad_lines[0].asked.question_id, "\"x\"");
  EXPECT_THAT(list.bad_lines[0].reason, HasSubstr("vqa_val.json[1]: question"));
  const auto official = read_question_file(
      folder.write("questions.json",
                   R"({"data_subtype": "val2014", "questions": [{"image_id": 42, "question": "who?",
                       "question_id": 42000}, {"image_id": 42, "question_id": 42001}]})"),
      "/coco");
  ASSERT_EQ(official.images.size(), 1u);
  EXPECT_EQ(official.images[0].image, "/coco/COCO_val2014_000000000042.jpg");
  EXPECT_EQ(official.images[0].questions[0].question_id, "42000");
  EXPECT_EQ(official.bad_lines.size(), 1u);
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
        Case{"\n\n", "expected questions"},
        Case{R"({"annotations": [{"question_id": 1, "answers": [{"answer": "a"}]}]})",
             "found an official VQA annotation file"},
        Case{"PAR1", "a parquet file"},
        Case{"{\"image\": \"a\", \"question\": \"caf\xe9\"}\n", "expected text in UTF-8"}}) {
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
