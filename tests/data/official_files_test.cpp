// The official files of COCO, VQA and Karpathy's splits, in small. Layouts: cocodataset.org
// (format-data), visualqa.org (download), cs.stanford.edu/people/karpathy/deepimagesent.
#include <gmock/gmock.h>

#include "blip2/data/open_source.h"
#include "blip2/data/sources/annotation_layout.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace blip2 {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
namespace fs = std::filesystem;

constexpr const char* kCaptions =
    R"({"info": {"year": 2014}, "images": [{"license": 5, "file_name": "COCO_val2014_000000000042.jpg",
"id": 42}, {"file_name": "COCO_val2014_000000000073.jpg", "id": 73.0}], "licenses": [],
"annotations": [{"image_id": 73, "id": 1, "caption": "A motorcycle."}, {"image_id": 42, "id": 2,
"caption": "Shoes on a rack"}, {"image_id": "73", "id": 3, "caption": "A bike"}, {"image_id": 9,
"id": 4, "caption": "lost"}, {"image_id": 42, "id": 5, "caption": NaN}]})";

constexpr const char* kKarpathy =
    R"({"images": [{"filepath": "val2014", "sentids": [1], "filename": "1.jpg", "imgid": 0, "split":
"test", "sentences": [{"tokens": ["a"], "raw": "one", "imgid": 0, "sentid": 1}, {"raw": "uno"}],
"cocoid": 391895}, {"filepath": "train2014", "filename": "2.jpg", "split": "train", "cocoid": 2,
"sentences": [{"raw": "two"}, {"raw": "zwei"}]}, {"filepath": "val2014", "filename": "3.jpg",
"split": "restval", "cocoid": 3, "sentences": [{"raw": "three"}]}, {"filename": "4.jpg",
"split": "val", "imgid": 4, "sentences": [{"raw": "four"}]}], "dataset": "coco"})";

constexpr const char* kQuestions =
    R"({"info": {}, "task_type": "Open-Ended", "data_type": "mscoco", "license": {}, "data_subtype":
"train2014", "questions": [{"image_id": 458752, "question": "What is this photo taken looking through?",
"question_id": 458752000}, {"image_id": 5.0, "question": "Is it?", "question_id": 5001.0},
{"image_id": 6, "question": "Who?", "question_id": 6000}]})";

constexpr const char* kAnswers =
    R"({"info": {}, "data_type": "mscoco", "data_subtype": "train2014", "annotations": [{"question_type":
"what is this", "multiple_choice_answer": "net", "answers": [{"answer": "net", "answer_confidence":
"maybe", "answer_id": 1}, {"answer": "net", "answer_confidence": "yes", "answer_id": 2}, {"answer":
"netting", "answer_confidence": "yes", "answer_id": 3}], "image_id": 458752, "answer_type": "other",
"question_id": 458752000}, {"multiple_choice_answer": "yes", "image_id": 5, "question_id": 5001}]})";

std::unique_ptr<Source> open_official(const std::string& format, std::vector<fs::path> files,
                                      const fs::path& images = {},
                                      std::vector<std::string> splits = {}) {
  return open_source({.name = "set",
                      .format = format,
                      .annotations = std::move(files),
                      .images = images,
                      .splits = std::move(splits)});
}

std::string refusal(const std::function<void()>& call) { return testing::error_of(call).second; }

TEST(Coco, ARecordIsAnAnnotation) {
  const TemporaryFolder folder;
  const fs::path file = folder.write("captions_val2014.json", kCaptions);
  folder.write("val2014/COCO_val2014_000000000042.jpg", "x");
  const auto source = open_official("coco", {file});
  ASSERT_EQ(source->size(), 5);
  EXPECT_EQ(source->record(0).image, folder / "COCO_val2014_000000000073.jpg");
  EXPECT_EQ(source->record(0).image_id, "73");
  EXPECT_THAT(source->record(0).captions, ElementsAre("A motorcycle."));
  EXPECT_EQ(source->record(1).image, folder / "val2014/COCO_val2014_000000000042.jpg");
  EXPECT_EQ(source->record(2).image_id, "73");
  EXPECT_THAT(refusal([&] { source->record(3); }),
              AllOf(HasSubstr("annotations[3]"), HasSubstr("image_id")));
  EXPECT_THAT(refusal([&] { source->record(4); }), HasSubstr("found NaN"));
}

TEST(Karpathy, SplitsAreThoseOfTheFile) {
  const TemporaryFolder folder;
  const fs::path file = folder.write("dataset_coco.json", kKarpathy);
  const auto train = open_official("coco_karpathy", {file}, "/coco");
  ASSERT_EQ(train->size(), 3);
  EXPECT_EQ(train->record(0).image, "/coco/train2014/2.jpg");
  EXPECT_THAT(train->record(1).captions, ElementsAre("zwei"));
  EXPECT_EQ(train->record(1).image_id, "2");
  EXPECT_EQ(train->record(2).image, "/coco/val2014/3.jpg");
  EXPECT_EQ(open_official("coco_karpathy", {file}, "/coco", {"train"})->size(), 2);
  const auto test = open_official("coco_karpathy", {file}, "/coco", {"test"});
  ASSERT_EQ(test->size(), 1);
  EXPECT_THAT(test->record(0).captions, ElementsAre("one", "uno"));
  EXPECT_EQ(test->record(0).image_id, "391895");
  const auto both = open_official("coco_karpathy", {file}, "/coco", {"val", "restval"});
  ASSERT_EQ(both->size(), 2);
  EXPECT_EQ(both->record(1).image, "/coco/4.jpg");
  EXPECT_THAT(refusal([&] { open_official("coco_karpathy", {file}, "/coco", {"dev"}); }),
              AllOf(HasSubstr("split dev"), HasSubstr("restval, test, train, val")));
  const fs::path list = folder.write("list.json", R"([{"image": "1", "caption": "a"}])");
  EXPECT_EQ(testing::error_of([&] { open_official("coco_karpathy", {list}, "", {"test"}); }).first,
            ErrorCode::kInvalidArgument);
}

TEST(Vqa, QuestionsAreJoinedWithTheirAnswers) {
  const TemporaryFolder folder;
  const fs::path questions = folder.write("questions.json", kQuestions);
  const fs::path answers = folder.write("annotations.json", kAnswers);
  folder.write("coco/train2014/COCO_train2014_000000000005.jpg", "x");
  folder.write("coco/000000000006.jpg", "x");
  for (const std::vector<fs::path>& files :
       {std::vector{questions, answers}, {answers, questions}}) {
    const auto source = open_official("vqav2", files, folder / "coco");
    ASSERT_EQ(source->size(), 3);
    EXPECT_EQ(source->record(0).question, "What is this photo taken looking through?");
    EXPECT_THAT(source->record(0).captions, ElementsAre("net", "net", "netting"));
    EXPECT_EQ(source->record(0).image, folder / "coco/COCO_train2014_000000458752.jpg");
    EXPECT_EQ(source->record(0).key, "458752000");
    EXPECT_EQ(source->record(0).image_id, "458752");
    EXPECT_EQ(source->record(1).image, folder / "coco/train2014/COCO_train2014_000000000005.jpg");
    EXPECT_THAT(source->record(1).captions, ElementsAre("yes"));
    EXPECT_THAT(refusal([&] { source->record(2); }), HasSubstr("answers to question 6000"));
  }
  EXPECT_THAT(refusal([&] { open_official("vqav2", {questions}); }),
              HasSubstr("annotations beside the questions"));
  EXPECT_THAT(refusal([&] { open_official("vqav2", {answers}); }),
              HasSubstr("questions beside the annotations"));
}

TEST(OfficialFiles, AreCalledByTheirNamesWhereAnotherIsExpected) {
  const TemporaryFolder folder;
  struct Case {
    const char *format, *content, *found;
  };
  const std::string list = R"([{"image": "1", "caption": "a"}])";
  const std::string lines =
      "{\"image\": \"1\", \"caption\": \"a\"}\n{\"image\": \"2\", \"caption\": \"b\"}\n";
  const char* boxes =
      R"({"images": [{"id": 1, "file_name": "a"}], "annotations": [{"bbox": [1]}]})";
  for (const Case& lie :
       {Case{"jsonl", kCaptions, "COCO's captions, which format coco reads"},
        Case{"jsonl", kKarpathy, "Karpathy's split, which format coco_karpathy reads"},
        Case{"jsonl", kQuestions, "an official VQA question file, which format vqav2 reads"},
        Case{"jsonl", kAnswers, "an official VQA annotation file, which format vqav2 reads"},
        Case{"jsonl", list.c_str(), "one JSON list, which format blip_json reads"},
        Case{"jsonl", "PAR1", "a parquet file"},
        Case{"jsonl", "\x1f\x8b", "a gzip file: decompress it"},
        Case{"jsonl", "filepath\ttitle\n1.jpg\ta\n", "a table, which format csv reads"},
        Case{"blip_json", lines.c_str(), "JSON lines, which format jsonl reads"},
        Case{"blip_json", kCaptions, "COCO's captions, which format coco reads"},
        Case{"coco", kKarpathy, "Karpathy's split, which format coco_karpathy reads"},
        Case{"coco", boxes, "without captions: the captions are in captions_*.json"},
        Case{"coco_karpathy", kCaptions, "COCO's captions, which format coco reads"},
        Case{"vqav2", kCaptions, "COCO's captions, which format coco reads"},
        Case{"vqav2", lines.c_str(), "JSON lines, which format jsonl reads"}}) {
    const fs::path file = folder.write("a.json", lie.content);
    EXPECT_THAT(refusal([&] { open_official(lie.format, {file}, "/pictures"); }),
                AllOf(HasSubstr("a.json: expected"), HasSubstr(lie.found)))
        << lie.format;
  }
}

TEST(OfficialFiles, TruncatedAndLyingOnesAreRefusedInOneLine) {
  const TemporaryFolder folder;
  for (const auto& [format, content] :
       {std::pair{"coco", kCaptions}, std::pair{"coco_karpathy", kKarpathy},
        std::pair{"vqav2", kQuestions}}) {
    const std::string whole = content;
    for (size_t size = 0; size < whole.size(); size += 7) {
      const fs::path file = folder.write("a.json", whole.substr(0, size));
      EXPECT_EQ(testing::error_of([&] { open_official(format, {file}); }).first,
                ErrorCode::kCorruptData)
          << format << " " << size;
    }
  }
  for (const char* lie :
       {R"({"images": [], "annotations": []})", R"({"images": 3, "annotations": 4})",
        R"({"images": [3], "annotations": [{"caption": 3}]})", R"({"questions": {}})",
        R"({"questions": [{"question": 3}]})",
        R"({"images": [{"sentences": 3, "split": "train"}]})"}) {
    for (const char* format : {"coco", "coco_karpathy", "vqav2"}) {
      const fs::path file = folder.write("a.json", lie);
      try {
        const auto source = open_official(format, {file});
        for (int64_t i = 0; i < source->size(); ++i) {
          EXPECT_NE(testing::error_of([&] { source->record(i); }).first, ErrorCode::kInternal);
        }
      } catch (const Error& error) {
        EXPECT_NE(error.code(), ErrorCode::kInternal) << lie << " " << format;
      }
    }
  }
}

}  // namespace
}  // namespace blip2
