// The files of an evaluation: COCO's ids, LAVIS's names of scores, and both files or none.
#include "blip2/tasks/evaluation_files.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "tests/support/temporary_folder.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;
using testing::TemporaryFolder;

Record record_of(const std::string& image, const std::string& image_id) {
  Record record;
  record.key = image;
  record.image = image;
  record.image_id = image_id;
  return record;
}

TEST(CocoImageNumber, IsTheEndOfThePicturesName) {
  EXPECT_EQ(coco_image_number("val2014/COCO_val2014_000000391895.jpg"), 391895);
  EXPECT_EQ(coco_image_number("000000000042.png"), 42);
  for (const char* name :
       {"red.png", "a_-1.png", "a_.png", "a_1x.png", "99999999999999999999.png"}) {
    EXPECT_EQ(coco_image_number(name), std::nullopt) << name;
  }
}

TEST(ImageId, IsANumberWhereItCanBe) {
  const auto id_of = [](const std::string& image, const std::string& id, const char* format) {
    return image_id_json(record_of(image, id), format);
  };
  EXPECT_EQ(id_of("a_7.png", "0042", "jsonl"), "42");
  EXPECT_EQ(id_of("a_7.png", "x1", "jsonl"), "\"x1\"");
  EXPECT_EQ(id_of("a_7.png", "", "jsonl"), "\"a_7.png\"");
  EXPECT_EQ(id_of("a_7.png", "9999999999999999999", "jsonl"), "\"9999999999999999999\"");
  EXPECT_EQ(id_of("val2014/COCO_val2014_000000391895.jpg", "", "coco_karpathy"), "391895");
  EXPECT_EQ(id_of("val2014/red.png", "", "blip_json"), "\"val2014/red.png\"");
}

TEST(EvaluationFiles, OfCaptionsHaveARowForEachPicture) {
  CaptionEvaluation result;
  result.images = {"a.png", "b.png"};
  result.pictures = {record_of("a.png", "3"), record_of("b.png", "b")};
  result.captions = {"a cat", "a dog"};
  result.num_failed = 4;
  result.bleu[3] = 0.25;
  result.cider = 1.5;
  result.distinct = 2;
  const EvaluationFiles files = evaluation_files(result, "jsonl");
  EXPECT_EQ(Json::parse(files.predictions), Json::parse(R"([{"image_id": 3, "caption": "a cat"},
                            {"image_id": "b", "caption": "a dog"}])"));
  const Json metrics = Json::parse(files.metrics);
  EXPECT_EQ(metrics["Bleu_4"], 0.25);
  EXPECT_EQ(metrics["CIDEr"], 1.5);
  EXPECT_EQ(metrics["distinct"], 2);
  EXPECT_EQ(metrics["num_images"], 2);
  EXPECT_EQ(metrics["num_failed"], 4);
}

TEST(EvaluationFiles, NameEachIdOnce) {
  CaptionEvaluation result;
  result.pictures = {record_of("a/COCO_1.png", ""), record_of("b/COCO_1.png", ""),
                     record_of("c.png", "07"), record_of("d.png", "7")};
  result.captions = {"one", "two", "three", "four"};
  const Json predictions = Json::parse(evaluation_files(result, "coco_karpathy").predictions);
  const std::vector<Json> expected = {"a/COCO_1.png", "b/COCO_1.png", "07", "7"};
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(predictions[i]["image_id"], expected[i]);
}

TEST(EvaluationFiles, OfRetrievalReportTheRerankedScoresWhereThereAreSome) {
  RetrievalEvaluation result;
  result.num_images = 1;
  result.num_texts = 12;
  result.images = {"a.png"};
  for (int i = 0; i < 12; ++i) {
    result.texts.push_back(std::to_string(i));
    result.similarity.push_back(i == 5 ? 0.5F : 0.25F);
  }
  result.itc.txt_r1 = 10;
  result.reranked.txt_r1 = 20;
  result.itm_accuracy_hard = 70;
  const Json by_itc = Json::parse(evaluation_files(result, {}).metrics);
  EXPECT_EQ(by_itc["txt_r1"], 10.0);
  EXPECT_FALSE(by_itc.contains("itm_accuracy_hard"));
  result.has_matching = true;
  const EvaluationFiles files = evaluation_files(result, {});
  const Json by_itm = Json::parse(files.metrics);
  EXPECT_EQ(by_itm["txt_r1"], 20.0);
  EXPECT_EQ(by_itm["itc"]["txt_r1"], 10.0);
  EXPECT_EQ(by_itm["itm_accuracy_hard"], 70.0);
  EvaluationOptions without_reranking;
  without_reranking.rerank = 0;
  EXPECT_EQ(Json::parse(evaluation_files(result, without_reranking).metrics)["txt_r1"], 10.0);
  const Json texts = Json::parse(files.predictions)[0]["texts"];
  ASSERT_EQ(texts.size(), 10U);  // the best of twelve; equal cosines keep the order
  EXPECT_EQ(texts[0]["text"], "5");
  EXPECT_EQ(texts[1]["text"], "0");
  EXPECT_EQ(texts[9]["text"], "9");
}

TEST(EvaluationFiles, AreWrittenTogether) {
  const TemporaryFolder folder;
  require_writable_evaluation(folder / "scores");
  write_evaluation(folder / "scores", {"{}\n", "[]\n"});
  EXPECT_EQ(read_file(folder / "scores/metrics.json"), "{}\n");
  EXPECT_EQ(read_file(folder / "scores/predictions.json"), "[]\n");
  std::filesystem::create_directory(folder / "taken");
  std::filesystem::create_directory(folder / "taken/predictions.json");
  EXPECT_THROW(require_writable_evaluation(folder / "taken"), Error);
}

}  // namespace
}  // namespace blip2
