// The readers of annotations: what they give, and how they refuse.
#include "blip2/data/open_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "blip2/base/error.h"
#include "blip2/data/source.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace blip2 {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

std::unique_ptr<Source> open(const std::string& format,
                             std::vector<std::filesystem::path> annotations,
                             const std::filesystem::path& images = {}) {
  return open_source(
      {.name = "pets", .format = format, .annotations = std::move(annotations), .images = images});
}

TEST(Jsonl, ReadsEveryFieldAndDefaults) {
  const TemporaryFolder folder;
  const auto file = folder.write("a.jsonl",
                                 "\xef\xbb\xbf{\"image\": \"x/1.png\", \"caption\": \"one\"}\r\n"
                                 "\n  \t\n"
                                 "{\"image\": \"/abs/2.png\", \"caption\": [\"two\", \"zwei\"], "
                                 "\"image_id\": 7, \"key\": \"k2\", \"extra\": {\"a\": [1]}}");
  const auto more = folder.write("b.jsonl", R"({"image":"3.png","caption":"","image_id":"i3"})"
                                            "\n");
  const auto source = open("jsonl", {file, more});
  ASSERT_EQ(source->size(), 3);
  const Record one = source->record(0);
  EXPECT_EQ(one.image, folder.path() / "x/1.png");
  EXPECT_EQ(one.key, "x/1.png");
  EXPECT_EQ(one.listed_in, file);
  EXPECT_EQ(one.image_id, "");
  EXPECT_THAT(one.captions, ElementsAre("one"));
  const Record two = source->record(1);
  EXPECT_EQ(two.image, "/abs/2.png");
  EXPECT_EQ(two.key, "k2");
  EXPECT_EQ(two.image_id, "7");
  EXPECT_THAT(two.captions, ElementsAre("two", "zwei"));
  EXPECT_EQ(source->record(2).image_id, "i3");
  EXPECT_EQ(source->record(2).listed_in, more);
  EXPECT_EQ(open("jsonl", {file}, "/root")->record(0).image, "/root/x/1.png");
}

TEST(Jsonl, ReadsQuestionsWithTheirAnswers) {
  const TemporaryFolder folder;
  const auto file = folder.write(
      "a.jsonl",
      R"({"image":"1.png","question":"What is it?","question_id":7,"answer":["a dog","dog"]})"
      "\n"
      R"({"image":"2.png","question":"Why?","answer":"because"})"
      "\n"
      R"({"image":"3.png","caption":"a cat"})"
      "\n"
      R"({"image":"4.png","question":["no"],"answer":"x"})");
  const auto source = open("jsonl", {file});
  EXPECT_EQ(source->record(0).question, "What is it?");
  EXPECT_THAT(source->record(0).captions, ElementsAre("a dog", "dog"));
  EXPECT_THAT(source->record(1).captions, ElementsAre("because"));
  EXPECT_EQ(source->record(2).question, "");
  EXPECT_THAT(error_of([&] { source->record(3); }).second, HasSubstr("\"question\""));
}

TEST(Jsonl, AnErrorNamesFileAndLineAndLeavesTheOthersReadable) {
  const TemporaryFolder folder;
  const std::string good = R"({"image":"1.png","caption":"c"})"
                           "\n";
  const auto file =
      folder.write("a.jsonl", good + "\n{\"image\": \"cut\n" + good +
                                  R"({"caption":"no image"})"
                                  "\n" +
                                  R"({"image":"5.png","caption":3})"
                                  "\n" +
                                  R"({"image":"6.png","caption":[]})"
                                  "\n" +
                                  "[1]\n" + "{\"image\":\"8.png\",\"caption\":\"\xff\"}\n");
  const auto source = open("jsonl", {file});
  ASSERT_EQ(source->size(), 8);
  const auto refused = [&](int64_t index, int line, const std::string& why) {
    const auto [code, message] = error_of([&] { source->record(index); });
    EXPECT_EQ(code, ErrorCode::kCorruptData);
    EXPECT_THAT(message,
                AllOf(HasSubstr(file.string() + ":" + std::to_string(line) + ":"), HasSubstr(why)));
  };
  refused(1, 3, "syntax error");
  EXPECT_EQ(source->record(2).key, "1.png");
  refused(3, 5, "\"image\" as a path, found none");
  refused(4, 6, "\"caption\" as a string or a list of strings, found number");
  refused(5, 7, "empty list");
  refused(6, 8, "a JSON object, found array");
  refused(7, 9, "expected text in UTF-8, found other bytes (0xff at byte 28)");
}

TEST(Jsonl, ABrokenFirstLineIsOneUnusableRecord) {
  const TemporaryFolder folder;
  const auto source = open("jsonl", {folder.write("a.jsonl",
                                                  "{\"image\": \"cut\n"
                                                  "{\"caption\": \"no image\"}\n"
                                                  R"({"image":"3.png","caption":"c"})")});
  ASSERT_EQ(source->size(), 3);
  EXPECT_THAT(error_of([&] { source->record(0); }).second, HasSubstr("a.jsonl:1: "));
  EXPECT_THAT(error_of([&] { source->record(1); }).second, HasSubstr("a.jsonl:2: "));
  EXPECT_EQ(source->record(2).key, "3.png");
}

TEST(Jsonl, AFileWithoutARecordIsRefusedOnOpening) {
  const TemporaryFolder folder;
  const auto file = folder.write("a.jsonl", "\nnot json\nnor this\n");
  EXPECT_THAT(
      error_of([&] { open("jsonl", {file}); }).second,
      AllOf(HasSubstr(file.string() + ": no line is a record"), HasSubstr(file.string() + ":2:")));
  EXPECT_EQ(error_of([&] { open("jsonl", {folder.path() / "none"}); }).first, ErrorCode::kNotFound);
  EXPECT_EQ(open("jsonl", {folder.write("empty", "")})->size(), 0);
  EXPECT_EQ(
      error_of([&] { open("jsonl", {folder.write("deep", std::string(1 << 20, '['))}); }).first,
      ErrorCode::kCorruptData);
}

TEST(Jsonl, ANumberThatIsNoNumberIsAFaultWhereItIsUsed) {
  const TemporaryFolder folder;
  const auto source = open(
      "jsonl",
      {folder.write("a.jsonl",
                    R"({"image": "1.png", "caption": "a", "width": NaN, "similarity": -Infinity})"
                    "\n"
                    R"({"image": 1e999, "caption": "b"})"
                    "\n"
                    R"({"image": "3.png", "caption": NaN})"
                    "\n"
                    R"({"image": "4.png", "caption": "d", "image_id": NaN, "key": null})"
                    "\n"
                    R"({"image": "5.png", "caption": "e", "noise": "\ud800", "size": 1e999})"
                    "\n"
                    R"({"image": "6.png", "caption": "f \ud800"})"
                    "\n"
                    R"({"image": "7\udce9.png", "caption": "g"})")});
  EXPECT_EQ(source->record(0).key, "1.png");
  EXPECT_THAT(error_of([&] { source->record(1); }).second,
              AllOf(HasSubstr("a.jsonl:2: "), HasSubstr("\"image\" as a path, found number")));
  EXPECT_THAT(error_of([&] { source->record(2); }).second, HasSubstr("found NaN"));
  EXPECT_EQ(source->record(3).key, "4.png");
  EXPECT_THAT(source->record(4).captions, ElementsAre("e"));
  EXPECT_THAT(error_of([&] { source->record(5); }).second, HasSubstr("expected text in UTF-8"));
  EXPECT_EQ(source->record(6).image, folder / "7\xe9.png");
}

TEST(Jsonl, AnIdMayBeANumberOfAnyKind) {
  const TemporaryFolder folder;
  std::string lines;
  for (const char* id : {"1", "1.0", "\"1\"", "123456789012345678901234567890",
                         "123456789012345678901234567891", "-3.0", "1.5"}) {
    lines += fmt::format("{{\"image\": \"p\", \"caption\": \"c\", \"image_id\": {}}}\n", id);
  }
  const auto source = open("jsonl", {folder.write("a.jsonl", lines)});
  std::vector<std::string> ids;
  for (int64_t i = 0; i < source->size(); ++i) ids.push_back(source->record(i).image_id);
  EXPECT_THAT(ids, ElementsAre("1", "1", "1", "123456789012345678901234567890",
                               "123456789012345678901234567891", "-3", "1.5"));
}

TEST(Jsonl, AnyMarkedEncodingIsRead) {
  const TemporaryFolder folder;
  const std::string text = R"({"image": "1.png", "caption": "a"})"
                           "\r\n"
                           R"({"image": "2.png", "caption": "b"})";
  std::string wide = "\xff\xfe";
  for (const char c : text) wide += {c, '\0'};
  for (const std::string& bytes : {text, "\xef\xbb\xbf" + text, wide}) {
    const auto source = open("jsonl", {folder.write("a.jsonl", bytes)});
    ASSERT_EQ(source->size(), 2);
    EXPECT_EQ(source->record(0).key, "1.png");
    EXPECT_THAT(source->record(1).captions, ElementsAre("b"));
  }
}

TEST(Jsonl, ManyThreadsRead) {
  const TemporaryFolder folder;
  std::string lines;
  for (int i = 0; i < 500; ++i)
    lines += fmt::format("{{\"image\":\"{}\",\"caption\":\"c{}\"}}\n", i, i);
  const auto source = open("jsonl", {folder.write("a.jsonl", lines)});
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i)
        wrong[t] += source->record(i).captions[0] != fmt::format("c{}", i);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(wrong, ::testing::Each(0));
}

TEST(Folder, PairsPicturesWithTextFiles) {
  const TemporaryFolder folder;
  folder.write("b/dog.PNG", "x");
  folder.write("b/dog.txt", "A dog.\r\n\n  \nEin Hund.");
  folder.write("a.jpg", "x");
  folder.write("notes.txt", "no picture");
  const auto source = open("folder", {}, folder.path());
  ASSERT_EQ(source->size(), 2);
  const auto [code, message] = error_of([&] { source->record(0); });
  EXPECT_EQ(code, ErrorCode::kNotFound);
  EXPECT_THAT(message, HasSubstr("a.jpg: expected a .txt"));
  const Record dog = source->record(1);
  EXPECT_EQ(dog.key, "b/dog.PNG");
  EXPECT_EQ(dog.image, folder.path() / "b/dog.PNG");
  EXPECT_THAT(dog.captions, ElementsAre("A dog.", "Ein Hund."));
  std::filesystem::create_directories(folder / "empty");
  EXPECT_THAT(error_of([&] { open("folder", {}, folder.path() / "empty"); }).second,
              HasSubstr((folder / "empty").string() + ": no picture"));
  EXPECT_EQ(error_of([&] { open("folder", {}, folder.path() / "none"); }).first,
            ErrorCode::kNotFound);
  EXPECT_EQ(error_of([&] { open("folder", {}); }).first, ErrorCode::kInvalidArgument);
}

TEST(Folder, ReadsEverySideCarAndNoLeftover) {
  const TemporaryFolder folder;
  for (const char* name : {"a.jfif", "b.JPE", "c.jpg", "d.jpg", "._a.jfif", "__MACOSX/a.jpg"}) {
    folder.write(name, "x");
  }
  folder.write("a.caption", "one\r\ntwo");
  folder.write("b.TXT", "\xef\xbb\xbfthree");
  folder.write("c.json", R"({"caption": "four", "width": NaN})");
  folder.write("c.txt", std::string("\xff\xfe\x35\0\n\0", 6));
  folder.write("d.txt", "good\ncaf\xe9");
  folder.write("._a.txt", "no caption");
  const auto source = open("folder", {}, folder.path());
  ASSERT_EQ(source->size(), 4);
  EXPECT_THAT(source->record(0).captions, ElementsAre("one", "two"));
  EXPECT_THAT(source->record(1).captions, ElementsAre("three"));
  EXPECT_THAT(source->record(2).captions, ElementsAre("5"));
  std::filesystem::remove(folder / "c.txt");
  EXPECT_THAT(source->record(2).captions, ElementsAre("four"));
  const auto [code, message] = error_of([&] { source->record(3); });
  EXPECT_EQ(code, ErrorCode::kCorruptData);
  EXPECT_THAT(message, HasSubstr("d.txt:2: expected text in UTF-8"));
}

TEST(CocoKarpathy, ReadsTrainingAndValidationRows) {
  const TemporaryFolder folder;
  const auto train =
      folder.write("train.json",
                   R"([{"caption": "A woman", "image": "val2014/1.jpg", "image_id": "coco_1"},
          {"caption": "A man", "image": "val2014/1.jpg", "image_id": "coco_1"}])");
  const auto val = folder.write("val.json", R"([{"image": "2.jpg", "caption": ["a", "b"]}])");
  const auto source = open("coco_karpathy", {train, val}, "/coco");
  ASSERT_EQ(source->size(), 3);
  EXPECT_EQ(source->record(1).image, "/coco/val2014/1.jpg");
  EXPECT_EQ(source->record(1).image_id, "coco_1");
  EXPECT_THAT(source->record(2).captions, ElementsAre("a", "b"));
}

TEST(CocoKarpathy, AnErrorNamesFileAndEntry) {
  const TemporaryFolder folder;
  const auto bad = folder.write("bad.json", R"([{"image":"1","caption":"a"}, {"image":"2"}])");
  EXPECT_THAT(error_of([&] { open("coco_karpathy", {bad})->record(1); }).second,
              HasSubstr("bad.json[1]: expected"));
  const auto cut = folder.write("cut.json", R"([{"image":"1","capt)");
  const auto [code, message] = error_of([&] { open("coco_karpathy", {cut}); });
  EXPECT_EQ(code, ErrorCode::kCorruptData);
  EXPECT_THAT(
      message,
      HasSubstr("cut.json: expected the end of a string, found a syntax error at byte 19 of 19"));
  const auto object = folder.write("object.json", "{}");
  EXPECT_THAT(error_of([&] { open("coco_karpathy", {object}); }).second,
              HasSubstr("found one JSON object"));
}

TEST(OpenSource, RefusesUnknownFormats) {
  const auto [code, message] = error_of([] { open("json", {"x"}); });
  EXPECT_EQ(code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(message, AllOf(HasSubstr("datasets.pets.format"), HasSubstr("\"json\"")));
  EXPECT_EQ(error_of([] { open("laion_parquet", {}); }).first, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of([] { open("jsonl", {}); }).first, ErrorCode::kInvalidArgument);
  for (const std::string& format : source_formats()) EXPECT_THAT(message, HasSubstr(format));
}

TEST(OpenSource, ASettingWithoutUseIsRefused) {
  const TemporaryFolder folder;
  SourceConfig config{.name = "pets", .format = "jsonl", .annotations = {}, .images = {}};
  config.annotations = {folder.write("a.jsonl", R"({"path": "1.png", "text": "a"})")};
  config.splits = {"train"};
  config.separator = ",";
  EXPECT_THAT(useless_settings(config), ElementsAre("split", "separator"));
  EXPECT_THAT(error_of([&] { open_source(config); }).second, HasSubstr("datasets.pets.split"));
  config.splits.clear();
  config.separator.clear();
  EXPECT_THAT(error_of([&] { open_source(config); }).second, HasSubstr("\"image\" as a path"));
  config.image_key = "path";
  config.caption_key = "text";
  EXPECT_THAT(open_source(config)->record(0).captions, ElementsAre("a"));
}

TEST(OpenSource, ACaptionMayBeMissingWhereItIsAllowed) {
  const TemporaryFolder folder;
  SourceConfig config{.name = "pets", .format = "jsonl", .annotations = {}, .images = {}};
  config.missing_caption = MissingCaption::kAllowed;
  config.annotations = {folder.write("a.jsonl",
                                     "{\"image\": \"1\"}\n{\"image\": \"2\", \"caption\": null}\n"
                                     "{\"image\": \"3\", \"caption\": NaN}\n"
                                     "{\"image\": \"4\", \"caption\": []}\n"
                                     "{\"image\": \"5\", \"caption\": 5}\n")};
  const auto source = open_source(config);
  for (int64_t i = 0; i < 4; ++i) EXPECT_THAT(source->record(i).captions, ElementsAre()) << i;
  EXPECT_EQ(error_of([&] { source->record(4); }).first, ErrorCode::kCorruptData);
  folder.write("pictures/1.jpg", "x");
  config = {.name = "pets", .format = "folder", .annotations = {}, .images = folder / "pictures"};
  config.missing_caption = MissingCaption::kAllowed;
  EXPECT_THAT(open_source(config)->record(0).captions, ElementsAre());
}

TEST(OpenSource, EveryFormatSaysWhatItLacks) {
  for (const std::string& format : source_formats()) {
    SourceConfig config{.name = "pets", .format = format, .annotations = {}, .images = {}};
    const MissingSetting missing = missing_setting(config);
    EXPECT_NE(missing, MissingSetting::kNone) << format;
    EXPECT_EQ(error_of([&] { open_source(config); }).first, ErrorCode::kInvalidArgument) << format;
    config.images = "pictures";
    const bool needs_annotations = missing == MissingSetting::kAnnotations;
    EXPECT_EQ(missing_setting(config) == MissingSetting::kNone, !needs_annotations) << format;
    config.annotations = {"x"};
    EXPECT_EQ(missing_setting(config), MissingSetting::kNone) << format;
  }
}

}  // namespace
}  // namespace blip2
