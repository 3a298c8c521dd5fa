// The parquet plug-in, and LAION's shards with their captions in parquet. Without the plug-in the
// tests see what is said of that.
#include "blip2/data/shards/parquet.h"

#include <gmock/gmock.h>

#include "blip2/data/open_source.h"
#include "tests/support/errors.h"
#include "tests/support/shards.h"
#include "tests/support/tests_directory.h"

namespace blip2 {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
namespace fs = std::filesystem;

const fs::path kGolden = testing::tests_directory() / "golden/data/img2dataset.parquet";

std::vector<std::string> rows_of(const fs::path& path, const std::vector<std::string>& columns) {
  std::vector<std::string> rows;
  read_parquet(path, columns, [&](const std::vector<std::string_view>& values) {
    std::string row;
    for (const std::string_view value : values) {
      row += value.data() == nullptr ? "|null" : "|" + std::string(value);
    }
    rows.push_back(row);
  });
  return rows;
}

TEST(Parquet, WithoutThePluginAnErrorSaysWhatToDo) {
  if (has_parquet()) GTEST_SKIP() << "the plug-in is there";
  const auto [code, message] = error_of([] { rows_of(kGolden, {"key"}); });
  EXPECT_EQ(code, ErrorCode::kUnsupported);
  EXPECT_THAT(message, HasSubstr("make parquet"));
}

TEST(Parquet, ReadsTextsAndNullsOfEveryRowGroup) {
  if (!has_parquet()) GTEST_SKIP() << "no plug-in: make parquet";
  EXPECT_THAT(
      rows_of(kGolden, {"key", "caption", "error_message"}),
      ElementsAre("|000000000|a red apple|null",
                  "|000000001|caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac|null", "|000000002|null|null",
                  "|000000003||HTTP Error 404: Not Found", "|000000004|the fifth|null"));
}

TEST(Parquet, ABadFileIsOneClearError) {
  if (!has_parquet()) GTEST_SKIP() << "no plug-in: make parquet";
  const TemporaryFolder folder;
  EXPECT_EQ(error_of([&] { rows_of(folder / "none.parquet", {"key"}); }).first,
            ErrorCode::kNotFound);
  const auto refused = [](const fs::path& path, const std::string& column, const std::string& why) {
    const auto [code, message] = error_of([&] { rows_of(path, {column}); });
    EXPECT_EQ(code, ErrorCode::kCorruptData);
    EXPECT_THAT(message, ::testing::AllOf(HasSubstr(path.string()), HasSubstr(why)));
  };
  refused(kGolden, "captoin", "expected a column \"captoin\"");
  refused(kGolden, "width", "expected texts");
  const std::string whole = read_file(kGolden);
  for (const size_t size :
       {size_t{0}, size_t{3}, size_t{100}, whole.size() / 2, whole.size() - 1}) {
    refused(folder.write("cut.parquet", whole.substr(0, size)), "key", "");
  }
  int failures = 0;
  for (size_t i = 4; i < whole.size(); i += 61) {  // damage anywhere is an error or other texts
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x55);
    try {
      rows_of(folder.write("damaged.parquet", damaged), {"key", "caption"});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
      ++failures;
    }
  }
  EXPECT_GT(failures, 10);
}

TEST(LaionParquet, CaptionsComeFromTheParquetBesideTheShard) {
  if (!has_parquet()) GTEST_SKIP() << "no plug-in: make parquet";
  const TemporaryFolder folder;
  testing::write_tar(folder, "00000.tar",
                     {{"000000000.jpg", "0"},
                      {"000000000.txt", "not this"},
                      {"000000001.jpg", "1"},
                      {"000000002.jpg", "2"},
                      {"000000009.jpg", "9"}});
  fs::copy_file(kGolden, folder / "00000.parquet");
  for (const bool by_folder : {true, false}) {
    SourceConfig config{
        .name = "laion", .format = "laion_parquet", .annotations = {}, .images = {}};
    if (by_folder) {
      config.images = folder.path();
    } else {
      config.annotations = {folder / "00000.parquet"};
    }
    const auto source = open_source(config);
    ASSERT_EQ(source->size(), 4);
    EXPECT_EQ(source->record(0).key, (folder / "00000.tar/000000000").string());
    EXPECT_THAT(source->record(0).captions, ElementsAre("a red apple"));
    EXPECT_THAT(source->record(1).captions, ElementsAre("caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac"));
    EXPECT_THAT(source->record(2).captions, ElementsAre(""));  // null: an empty caption
    EXPECT_THAT(error_of([&] { source->record(3); }).second, HasSubstr("00000.tar/000000009"));
  }
  fs::remove(folder / "00000.parquet");
  const auto source = open_source(
      {.name = "laion", .format = "laion_parquet", .annotations = {}, .images = folder.path()});
  const auto [code, message] = error_of([&] { source->record(0); });
  EXPECT_EQ(code, ErrorCode::kNotFound);
  EXPECT_THAT(message, HasSubstr("00000.parquet"));
}

}  // namespace
}  // namespace blip2
