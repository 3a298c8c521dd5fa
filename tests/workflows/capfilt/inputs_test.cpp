// The shards of a job and their names, for every kind of input.
#include "blip2/workflows/capfilt/inputs.h"

#include <gmock/gmock.h>

#include "tests/support/errors.h"
#include "tests/support/shards.h"

namespace blip2 {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using testing::write_tar;
namespace fs = std::filesystem;

CapFiltConfig config_of(const std::vector<fs::path>& places) {
  CapFiltConfig config;
  for (const fs::path& place : places) config.shards.push_back(place.string());
  return config;
}

std::vector<std::string> names_of(const CapFiltInputs& inputs) {
  std::vector<std::string> names;
  for (const CapFiltShard& shard : inputs.shards()) names.push_back(shard.name);
  return names;
}

void write_pairs(const TemporaryFolder& folder, int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) {
    lines +=
        fmt::format("{{\"image\": \"{}.jpg\", \"caption\": \"c{}\", \"more\": {}}}\n", i, i, i);
  }
  folder.write("pairs.v2.jsonl", lines);
}

TEST(CapFiltInputs, TarsKeepTheirNamesBelowTheirFolder) {
  const TemporaryFolder folder;
  for (const char* name : {"b/1.tar", "a.tar", "b/0.tar"}) folder.write(name, "");
  EXPECT_THAT(names_of(CapFiltInputs(config_of({folder.path()}))),
              ElementsAre("a.tar", "b/0.tar", "b/1.tar"));
  EXPECT_THAT(names_of(CapFiltInputs(config_of({folder / "b/{0..1}.tar", folder / "a.tar"}))),
              ElementsAre("0.tar", "1.tar", "a.tar"));
}

TEST(CapFiltInputs, AShardsRecordsKeepMemberAndFields) {
  const TemporaryFolder folder;
  const CapFiltInputs inputs(config_of({write_tar(folder, "x.tar",
                                                  {{"d/a.PNG", "1"},
                                                   {"d/a.json", R"({"caption": "c", "more": 1})"},
                                                   {"b.jpeg", "2"},
                                                   {"b.txt", "t"}})}));
  const auto records = inputs.open(inputs.shards().front());
  ASSERT_EQ(records->size(), 2);
  EXPECT_EQ(records->read(0).member, "d/a");
  EXPECT_EQ(records->read(0).extension, "PNG");
  EXPECT_EQ(records->read(0).fields, R"({"caption": "c", "more": 1})");
  EXPECT_EQ(records->read(1).member, "b");
  EXPECT_EQ(records->read(1).extension, "jpeg");
  EXPECT_EQ(records->read(1).fields, "");
}

TEST(CapFiltInputs, ASourceIsSplitIntoNumberedShards) {
  const TemporaryFolder folder;
  write_pairs(folder, 5);
  CapFiltConfig config = config_of({folder / "pairs.v2.jsonl"});
  config.records_per_shard = 2;
  const CapFiltInputs inputs(config);
  EXPECT_THAT(names_of(inputs),
              ElementsAre("pairs.v2-00000.tar", "pairs.v2-00001.tar", "pairs.v2-00002.tar"));
  const auto last = inputs.open(inputs.shards()[2]);
  ASSERT_EQ(last->size(), 1);
  const ShardRecord read = last->read(0);
  EXPECT_EQ(read.member, "000000004");
  EXPECT_EQ(read.extension, "jpg");
  EXPECT_EQ(read.record.image, folder / "4.jpg");
  EXPECT_EQ(read.fields, R"({"image":"4.jpg","caption":"c4","more":4,"key":"4.jpg"})");
}

TEST(CapFiltInputs, TheFingerprintTellsListsApart) {
  const TemporaryFolder folder;
  write_pairs(folder, 5);
  CapFiltConfig config = config_of({folder / "pairs.v2.jsonl"});
  const std::string one = CapFiltInputs(config).fingerprint();
  EXPECT_EQ(CapFiltInputs(config).fingerprint(), one);
  config.records_per_shard = 4;
  EXPECT_NE(CapFiltInputs(config).fingerprint(), one);
  config.records_per_shard = 10'000;
  std::string text = read_file(folder / "pairs.v2.jsonl");
  text.replace(text.find("c3"), 2, "x3");
  folder.write("pairs.v2.jsonl", text);
  EXPECT_NE(CapFiltInputs(config).fingerprint(), one);
}

TEST(CapFiltInputs, TheFingerprintTellsTarsOfOneNameApart) {
  const TemporaryFolder folder;
  for (const char* name : {"a.tar", "b.tar"}) folder.write(name, "123");
  const CapFiltConfig config = config_of({folder.path()});
  const std::string before = CapFiltInputs(config).fingerprint();
  EXPECT_EQ(CapFiltInputs(config).fingerprint(), before);
  folder.write("b.tar", "1234");
  EXPECT_NE(CapFiltInputs(config).fingerprint(), before);
}

TEST(CapFiltInputs, RefusesShardsOfOneNameAndInputsWithoutRecords) {
  const TemporaryFolder folder;
  for (const char* name : {"a/0.tar", "b/0.tar", "empty.jsonl"}) folder.write(name, "");
  folder.write("x.bin", "data");
  const auto refusal = [&](const std::vector<fs::path>& places) {
    return error_of([&] { const CapFiltInputs inputs(config_of(places)); });
  };
  EXPECT_EQ(refusal({folder / "a/0.tar", folder / "b/0.tar"}).first, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refusal({folder / "a/0.tar", folder / "b/0.tar"}).second,
              AllOf(HasSubstr("a/0.tar"), HasSubstr("b/0.tar"), HasSubstr("both be written")));
  EXPECT_EQ(refusal({folder / "x.bin"}).first, ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal({folder / "gone.tar"}).first, ErrorCode::kNotFound);
  EXPECT_EQ(refusal({folder / "empty.jsonl"}).first, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace blip2
