// Tables with named columns, and Hugging Face's imagefolder. Right values: Python's csv module and
// `datasets.load_dataset("imagefolder")`.
#include <gmock/gmock.h>

#include "blip2/data/open_source.h"
#include "blip2/data/sources/csv_table.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace blip2 {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
namespace fs = std::filesystem;

SourceConfig table(const fs::path& file, const std::string& format = "csv") {
  return {.name = "set", .format = format, .annotations = {file}, .images = {}};
}

TEST(CsvTable, QuotesHoldWhatTheyHold) {
  const TemporaryFolder folder;
  const CsvTable csv(folder.write("a.csv",
                                  "a,b\r\n"
                                  "\"x, y\",\"said \"\"hi\"\"\"\r\n"
                                  "\r\n"
                                  "\"two\nlines\",5\" nails\n"
                                  ",\n"
                                  "\"q\"r,s"),
                     0);
  EXPECT_THAT(csv.columns(), ElementsAre("a", "b"));
  ASSERT_EQ(csv.size(), 4);
  EXPECT_THAT(csv.row(0), ElementsAre("x, y", "said \"hi\""));
  EXPECT_THAT(csv.row(1), ElementsAre("two\nlines", "5\" nails"));
  EXPECT_THAT(csv.row(2), ElementsAre("", ""));
  EXPECT_THAT(csv.row(3), ElementsAre("qr", "s"));
}

TEST(CsvTable, ABadRowCostsNobodyTheOthers) {
  const TemporaryFolder folder;
  const CsvTable csv(
      folder.write("a.tsv", "a\tb\n1\t2\n3\n4\t5\t6\ncaf\xe9\t7\n\"no end\t8\n9\t10\n"), 0);
  ASSERT_EQ(csv.size(), 6);
  const auto refused = [&](int64_t index) {
    return testing::error_of([&] { csv.row(index); }).second;
  };
  EXPECT_THAT(csv.row(0), ElementsAre("1", "2"));
  EXPECT_THAT(refused(1),
              HasSubstr("a.tsv:3: expected 2 columns, as the first line names, found 1"));
  EXPECT_THAT(refused(2), HasSubstr("a.tsv:4: expected 2 columns"));
  EXPECT_THAT(refused(3), HasSubstr("a.tsv:5: expected text in UTF-8"));
  EXPECT_THAT(refused(4), HasSubstr("a.tsv:6: expected the end of a quoted field"));
  EXPECT_THAT(csv.row(5), ElementsAre("9", "10"));
  for (const char* nothing : {"", "\n\r\n", "\xef\xbb\xbf"}) {
    EXPECT_EQ(testing::error_of([&] { CsvTable(folder.write("e.csv", nothing), 0); }).first,
              ErrorCode::kCorruptData);
  }
}

TEST(Csv, ReadsWhatOpenClipTrainsOn) {
  const TemporaryFolder folder;
  const auto tsv = open_source(table(folder.write(
      "train.csv", "title\tfilepath\na cat, asleep\tx/1.jpg\n\"a \"\"dog\"\"\"\t/abs/2.jpg\n")));
  ASSERT_EQ(tsv->size(), 2);
  EXPECT_EQ(tsv->record(0).image, folder / "x/1.jpg");
  EXPECT_THAT(tsv->record(0).captions, ElementsAre("a cat, asleep"));
  EXPECT_EQ(tsv->record(1).image, "/abs/2.jpg");
  EXPECT_THAT(tsv->record(1).captions, ElementsAre("a \"dog\""));
  SourceConfig named = table(folder.write("b.csv", "url;img;words\nu;3.jpg;a, b\n"));
  EXPECT_THAT(testing::error_of([&] { open_source(named); }).second,
              AllOf(HasSubstr("filepath"), HasSubstr(R"(found "url", "img", "words")"),
                    HasSubstr("img_key")));
  named.image_key = "img";
  named.caption_key = "words";
  EXPECT_THAT(open_source(named)->record(0).captions, ElementsAre("a, b"));
  named.separator = ",";
  EXPECT_THAT(testing::error_of([&] { open_source(named); }).second, HasSubstr("separator"));
  named.separator = ";;";
  EXPECT_EQ(testing::error_of([&] { open_source(named); }).first, ErrorCode::kInvalidArgument);
  EXPECT_THAT(
      testing::error_of([&] {
        open_source(table(folder.write("c.csv", "{\"image\": \"a\", \"caption\": \"b\"}\n")));
      }).second,
      HasSubstr("found JSON lines, which format jsonl reads"));
}

TEST(ImageFolder, ReadsMetadataOfEveryFolder) {
  const TemporaryFolder folder;
  folder.write("metadata.jsonl",
               "{\"file_name\": \"0001.png\", \"text\": \"one\", \"size\": NaN}\n"
               "{\"file_name\": \"sub/0002.png\", \"text\": \"two\"}\n");
  folder.write("metadata.csv", "file_name,text\nnot read,beside JSON lines\n");
  folder.write("z/metadata.csv", "file_name,text\n\"a,b.png\",\"three, four\"\n");
  folder.write("__MACOSX/metadata.jsonl", "{}");
  SourceConfig config{
      .name = "set", .format = "imagefolder", .annotations = {}, .images = folder.path()};
  const auto source = open_source(config);
  ASSERT_EQ(source->size(), 3);
  EXPECT_EQ(source->record(0).image, folder / "0001.png");
  EXPECT_THAT(source->record(0).captions, ElementsAre("one"));
  EXPECT_EQ(source->record(1).image, folder / "sub/0002.png");
  EXPECT_EQ(source->record(2).image, folder / "z/a,b.png");
  EXPECT_THAT(source->record(2).captions, ElementsAre("three, four"));
  config.annotations = {folder / "metadata.jsonl"};
  config.images = "/elsewhere";
  EXPECT_EQ(open_source(config)->record(0).image, "/elsewhere/0001.png");
}

TEST(ImageFolder, SaysWhatIsMissing) {
  const TemporaryFolder folder;
  folder.write("x/0001.png", "x");
  SourceConfig config{
      .name = "set", .format = "imagefolder", .annotations = {}, .images = folder / "x"};
  const auto [code, message] = testing::error_of([&] { open_source(config); });
  EXPECT_EQ(code, ErrorCode::kNotFound);
  EXPECT_THAT(message, AllOf(HasSubstr("metadata.jsonl"), HasSubstr("format folder")));
  folder.write("x/metadata.parquet", "PAR1");
  EXPECT_THAT(testing::error_of([&] { open_source(config); }).second, HasSubstr("parquet"));
  folder.write("x/metadata.jsonl", "{\"file_name\": \"0001.png\", \"label\": 3}\n");
  EXPECT_THAT(testing::error_of([&] { open_source(config); }).second, HasSubstr("\"text\""));
}

}  // namespace
}  // namespace blip2
