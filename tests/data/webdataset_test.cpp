// Webdataset shards as img2dataset and LAVIS's CapFilt write them, good and bad.
// Layout: github.com/rom1504/img2dataset ("webdataset" output) and webdataset's format description.
#include <gmock/gmock.h>

#include <thread>

#include "blip2/data/image_bytes.h"
#include "blip2/data/open_source.h"
#include "blip2/data/shards/cache.h"
#include "blip2/data/shards/list.h"
#include "blip2/data/source.h"
#include "tests/support/errors.h"
#include "tests/support/shards.h"

namespace blip2 {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using testing::NamedBytes;
using testing::TemporaryFolder;
using testing::write_tar;
namespace fs = std::filesystem;

/// What img2dataset writes for one picture.
std::vector<NamedBytes> img2dataset_sample(const std::string& key, const std::string& caption) {
  const std::string json = fmt::format(
      R"({{"caption": "{}", "url": "https://example.org/{}.jpg", "key": "{}", "status": "success", )"
      R"("error_message": null, "width": 256, "height": 256, "sha256": "0"}})",
      caption, key, key);
  return {{key + ".jpg", "jpeg of " + key}, {key + ".json", json}, {key + ".txt", caption}};
}

fs::path img2dataset_shard(const TemporaryFolder& folder, const std::string& name, int count) {
  std::vector<NamedBytes> members;
  for (int i = 0; i < count; ++i) {
    const std::string key = fmt::format("{}{:04}", name, i);
    for (NamedBytes& member : img2dataset_sample(key, "caption of " + key)) {
      members.push_back(std::move(member));
    }
  }
  return write_tar(folder, name + ".tar", members);
}

std::unique_ptr<Source> open(std::vector<fs::path> annotations, const fs::path& images = {}) {
  return open_source({.name = "web",
                      .format = "webdataset",
                      .annotations = std::move(annotations),
                      .images = images});
}

std::string bytes_of(const Record& record) {
  const ImageBytes image(record);
  return {reinterpret_cast<const char*>(image.bytes().data()), image.bytes().size()};
}

TEST(Webdataset, ReadsImg2datasetsShards) {
  const TemporaryFolder folder;
  const fs::path first = img2dataset_shard(folder, "00000", 3);
  img2dataset_shard(folder, "00001", 2);
  const auto source = open({}, folder.path());
  ASSERT_EQ(source->size(), 5);
  EXPECT_THAT(source->shard_sizes(), ElementsAre(3, 2));
  const Record record = source->record(1);
  EXPECT_EQ(record.key, (first / "000000001").string());
  EXPECT_EQ(record.listed_in, first);
  EXPECT_EQ(record.image_id, "");
  EXPECT_EQ(record.image, first / "000000001.jpg");
  EXPECT_THAT(record.captions, ElementsAre("caption of 000000001"));
  EXPECT_EQ(bytes_of(record), "jpeg of 000000001");
  EXPECT_EQ(bytes_of(source->record(4)), "jpeg of 000010001");
}

TEST(Webdataset, CaptionsComeFromJsonThenText) {
  const TemporaryFolder folder;
  const auto source = open({write_tar(folder, "x.tar",
                                      {{"d/a.PNG", "1"},
                                       {"d/a.json", R"({"caption": ["best", "second", "third"]})"},
                                       {"d/a.seg.png", "no picture of the sample"},
                                       {"b.webp", "2"},
                                       {"b.json", R"(["one", "two", "three"])"},
                                       {"c.jpeg", "3"},
                                       {"c.txt", "a text\nof two lines"},
                                       {"e.gif", "4"},
                                       {"e.json", R"({"caption": null, "url": "u"})"},
                                       {"e.txt", "from text"},
                                       {"README", "no sample"}})});
  ASSERT_EQ(source->size(), 4);
  EXPECT_EQ(source->record(0).key, (folder / "x.tar/d/a").string());
  EXPECT_EQ(source->record(0).image, folder / "x.tar/d/a.PNG");
  EXPECT_THAT(source->record(0).captions, ElementsAre("best", "second"));
  EXPECT_THAT(source->record(1).captions, ElementsAre("one", "two"));
  EXPECT_THAT(source->record(2).captions, ElementsAre("a text\nof two lines"));
  EXPECT_THAT(source->record(3).captions, ElementsAre("from text"));
}

TEST(Webdataset, ABadSampleNamesShardAndMember) {
  const TemporaryFolder folder;
  const auto source = open({write_tar(folder, "x.tar",
                                      {{"a.json", R"({"caption": "no picture"})"},
                                       {"b.jpg", "no caption"},
                                       {"c.jpg", "1"},
                                       {"c.json", R"({"caption": "cut)"},
                                       {"d.jpg", "1"},
                                       {"d.png", "2"},
                                       {"d.txt", "two pictures"},
                                       {"e.jpg", "1"},
                                       {"e.json", R"({"caption": 3})"},
                                       {"f.jpg", "1"},
                                       {"f.txt", "good"}})});
  ASSERT_EQ(source->size(), 6);
  const auto refused = [&](int64_t index, const std::string& member, const std::string& why) {
    const auto [code, message] = error_of([&] { source->record(index); });
    EXPECT_EQ(code, ErrorCode::kCorruptData);
    EXPECT_THAT(message,
                AllOf(HasSubstr((folder / "x.tar").string() + "/" + member), HasSubstr(why)));
  };
  refused(0, "a", "expected a picture");
  refused(1, "b", "a .txt or a .caption, found none");
  refused(2, "c.json", "syntax error");
  refused(3, "d.png", "beside another picture");
  refused(4, "e.json", "\"caption\" as a string");
  EXPECT_THAT(source->record(5).captions, ElementsAre("good"));
}

TEST(Webdataset, MembersApartAreOneSample) {
  const TemporaryFolder folder;
  const auto source = open({write_tar(folder, "x.tar",
                                      {{"a.jpg", "1"},
                                       {"b.jpg", "2"},
                                       {"c.jpg", "3"},
                                       {"a.txt", "one"},
                                       {"b.caption", "two"},
                                       {"c.json", R"({"caption": "three"})"}})});
  ASSERT_EQ(source->size(), 3);
  EXPECT_EQ(bytes_of(source->record(0)), "1");
  EXPECT_THAT(source->record(0).captions, ElementsAre("one"));
  EXPECT_THAT(source->record(1).captions, ElementsAre("two"));
  EXPECT_THAT(source->record(2).captions, ElementsAre("three"));
}

TEST(Webdataset, WhatPythonAndMacOSWriteIsRead) {
  const TemporaryFolder folder;
  const std::string wide("\xff\xfe\x68\0\x69\0", 6);
  const auto source = open({write_tar(
      folder, "x.tar",
      {{"./._a.jpg", "resource fork"},
       {"./a.jpg", "1"},
       {"./a.json", "\xef\xbb\xbf{\"caption\": \"one\", \"width\": NaN, \"x\": -Infinity}"},
       {"./__MACOSX/._a.txt", "no caption"},
       {"./b.jfif", "2"},
       {"./b.txt", wide},
       {"./c.JPE", "3"},
       {"./c.txt", "caf\xe9"},
       {"./.ipynb_checkpoints/c-checkpoint.jpg", "no picture"}})});
  ASSERT_EQ(source->size(), 3);
  EXPECT_THAT(source->record(0).captions, ElementsAre("one"));
  EXPECT_THAT(source->record(1).captions, ElementsAre("hi"));
  const auto [code, message] = error_of([&] { source->record(2); });
  EXPECT_EQ(code, ErrorCode::kCorruptData);
  EXPECT_THAT(message, HasSubstr("c: expected text in UTF-8, found other bytes (0xe9"));
}

TEST(Webdataset, OtherFilesAreCalledByTheirNames) {
  const TemporaryFolder folder;
  const fs::path tar = write_tar(folder, "good.tar", {{"a.jpg", "1"}, {"a.txt", "one"}});
  const std::string gzip("\x1f\x8b\x08\0\0\0\0\0\0\0", 10);
  struct Case {
    const char* name;
    std::string bytes;
    const char* kind;
  };
  for (const Case& bad :
       {Case{"x.tar.gz", gzip, "a gzip file: decompress it"}, Case{"x.tgz", gzip, "a gzip file"},
        Case{"x.parquet", "PAR1....PAR1", "a parquet file: format laion_parquet"},
        Case{"x.zip", "PK\x03\x04", "a zip archive: unpack it"}}) {
    const fs::path path = folder.write(bad.name, bad.bytes);
    EXPECT_THAT(error_of([&] { open({path}); }).second,
                AllOf(HasSubstr(path.string() + ": expected an uncompressed .tar shard, found"),
                      HasSubstr(bad.kind)));
  }
  for (const Case& bad : {Case{"1.tar", gzip, "a gzip file: decompress it"},
                          Case{"2.tar", "PAR1....", "a parquet file"},
                          Case{"4.tar", "<!DOCTYPE html><html>", "an HTML page"}}) {
    const auto source = open({folder.write(bad.name, bad.bytes)});
    ASSERT_EQ(source->size(), 1);
    EXPECT_THAT(error_of([&] { source->record(0); }).second,
                AllOf(HasSubstr("expected an uncompressed tar, found"), HasSubstr(bad.kind)));
  }
  const fs::path pointer = folder.write("5.tar", "version https://git-lfs.github.com/spec/v1\n");
  EXPECT_THAT(error_of([&] { open({pointer}); }).second,
              HasSubstr("5.tar: a Git LFS pointer, not the file itself"));
  // A tar under another name is one.
  fs::copy_file(tar, folder / "shard.data");
  EXPECT_EQ(open({folder / "shard.data"})->size(), 1);
  const TemporaryFolder compressed;
  compressed.write("00000.tar.gz", gzip);
  EXPECT_THAT(error_of([&] { open({}, compressed.path()); }).second,
              AllOf(HasSubstr("found none; it holds 1"), HasSubstr("decompress it")));
}

TEST(Webdataset, ACutShardLosesOnlyWhatIsCut) {
  const TemporaryFolder folder;
  const fs::path shard = img2dataset_shard(folder, "00000", 4);
  const std::string whole = read_file(shard);
  const auto last = static_cast<size_t>(open({shard})->record(3).stored->offset);
  write_file_atomic(shard, whole.substr(0, last + 5));
  const auto source = open({shard});
  ASSERT_EQ(source->size(), 4);  // three samples and the damage
  EXPECT_EQ(bytes_of(source->record(2)), "jpeg of 000000002");
  const auto [code, message] = error_of([&] { source->record(3); });
  EXPECT_EQ(code, ErrorCode::kCorruptData);
  EXPECT_THAT(message, AllOf(HasSubstr(shard.string() + ": cut: 000000003.jpg"),
                             HasSubstr(fmt::format("ends at byte {}", last + 5))));
}

TEST(Webdataset, CountsComeFromTheIndexOrFromImg2datasetsReport) {
  const TemporaryFolder folder;
  img2dataset_shard(folder, "00000", 3);
  folder.write("00000_stats.json", R"({"count": 5, "successes": 4, "failed_to_download": 1})");
  img2dataset_shard(folder, "00001", 3);
  folder.write("00001_stats.json", R"({"count": 5, "successes": 2})");
  const auto reported = open({folder / "0000{0,1}.tar"});
  EXPECT_THAT(reported->shard_sizes(), ElementsAre(4, 2));
  EXPECT_THAT(error_of([&] { reported->record(3); }).second,
              HasSubstr("00000.tar: expected 4 samples, as its index says, found 3"));
  EXPECT_EQ(reported->record(5).key, (folder / "00001.tar/000010001").string());

  const fs::path index = folder.write(
      "index.json", R"({"wids_version": 1, "name": "x", "shardlist": [)"
                    R"({"url": "00001.tar", "nsamples": 3}, {"url": "gone.tar", "nsamples": 7}]})");
  const auto indexed = open({index});
  EXPECT_THAT(indexed->shard_sizes(), ElementsAre(3, 7));
  EXPECT_EQ(indexed->record(2).key, (folder / "00001.tar/000010002").string());
  EXPECT_EQ(error_of([&] { indexed->record(3); }).first, ErrorCode::kNotFound);
}

TEST(Webdataset, RefusesBadPlaces) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of([&] { open({}); }).first, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of([&] { open({}, folder.path()); }).first, ErrorCode::kNotFound);
  EXPECT_EQ(error_of([&] { open({folder / "none.tar"}); }).first, ErrorCode::kNotFound);
  const auto refused = [&](const std::string& json, const std::string& why) {
    const auto [code, message] = error_of([&] { open({folder.write("i.json", json)}); });
    EXPECT_EQ(code, ErrorCode::kCorruptData);
    EXPECT_THAT(message, AllOf(HasSubstr("i.json"), HasSubstr(why)));
  };
  refused("{", "shardlist");
  refused(R"({"shardlist": 3})", "shardlist");
  refused(R"({"shardlist": [{"url": "a", "nsamples": 1}, {"url": "b", "nsamples": -1}]})",
          "shardlist[1]");
  img2dataset_shard(folder, "7", 1);
  folder.write("7_stats.json", "{}");
  EXPECT_THAT(error_of([&] { open({folder / "7.tar"}); }).second, HasSubstr("7_stats.json"));
}

TEST(ExpandBraces, AsTheShellDoes) {
  EXPECT_THAT(expand_braces("a/{part0,part1}/{08..11}.tar"),
              ElementsAre("a/part0/08.tar", "a/part0/09.tar", "a/part0/10.tar", "a/part0/11.tar",
                          "a/part1/08.tar", "a/part1/09.tar", "a/part1/10.tar", "a/part1/11.tar"));
  EXPECT_THAT(expand_braces("plain.tar"), ElementsAre("plain.tar"));
  for (const std::string bad : {"{1..", "1}", "{2..1}", "{a..c}", "{{1..2}}", "{0..9999999}",
                                "{0..9999}{0..9999}", "{..}"}) {
    EXPECT_EQ(error_of([&] { expand_braces(bad); }).first, ErrorCode::kInvalidArgument) << bad;
  }
}

TEST(ShardCache, KeepsAsManyAsItsBoundAndOpensOnce) {
  const TemporaryFolder folder;
  std::vector<fs::path> shards;
  for (int i = 0; i < 3; ++i) shards.push_back(img2dataset_shard(folder, std::to_string(i), 4));
  ShardCache cache(8);  // two shards
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) threads.emplace_back([&] { cache.open(shards[0]); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(cache.num_opened(), 1);
  cache.open(shards[1]);
  cache.open(shards[0]);
  const auto third = cache.open(shards[2]);  // closes 1, used longest ago
  cache.open(shards[0]);
  EXPECT_EQ(cache.num_opened(), 3);
  cache.open(shards[1]);
  EXPECT_EQ(cache.num_opened(), 4);
  EXPECT_EQ(third->size(), 4);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(error_of([&] { cache.open(folder / "gone.tar"); }).first, ErrorCode::kNotFound);
  }
}

TEST(Webdataset, FieldsAreTheJsonAsItStands) {
  const TemporaryFolder folder;
  const std::string json = R"({"caption": "x",  "width": 1.50, "url": null})";
  const auto source = open({write_tar(
      folder, "x.tar",
      {{"a.jpg", "1"}, {"a.json", json}, {"a.txt", "y"}, {"b.jpg", "2"}, {"b.txt", "no json"}})});
  EXPECT_EQ(source->fields(0), json);
  EXPECT_EQ(source->fields(1), "");
}

TEST(Webdataset, ShardsAreListedWithoutOpeningThem) {
  const TemporaryFolder folder;
  for (const char* name : {"b/1.tar", "b/0.tar", "a.tar"}) folder.write(name, "no tar");
  EXPECT_THAT(list_shard_paths({folder.path()}, {}),
              ElementsAre(folder / "a.tar", folder / "b/0.tar", folder / "b/1.tar"));
  EXPECT_THAT(list_shard_paths({folder / "b/{1,0}.tar"}, {}),
              ElementsAre(folder / "b/1.tar", folder / "b/0.tar"));
  const auto [code, message] = error_of([&] { list_shard_paths({folder / "c.tar"}, {}); });
  EXPECT_EQ(code, ErrorCode::kNotFound);
  EXPECT_THAT(message, HasSubstr((folder / "c.tar").string()));
}

TEST(Webdataset, AListMayNameAPictureInAShard) {
  const TemporaryFolder folder;
  const fs::path shard = img2dataset_shard(folder, "00000", 2);
  const Record inside = open({shard})->record(1);
  const std::string rows = fmt::format(
      R"([{{"image": "00000.tar/000000001.jpg", "caption": ["x", "y"], "offset": {}, "size": {}}},)"
      R"({{"image": "00000.tar/000000001.jpg", "caption": "x", "offset": -1, "size": 2}},)"
      R"({{"image": "loose.jpg", "caption": "x", "offset": 1, "size": 2}}])",
      inside.stored->offset, inside.stored->size);
  const auto source = open_source({.name = "list",
                                   .format = "blip_json",
                                   .annotations = {folder.write("list.json", rows)},
                                   .images = {}});
  const Record record = source->record(0);
  EXPECT_EQ(bytes_of(record), "jpeg of 000000001");
  EXPECT_EQ(record.stored->file, shard);
  EXPECT_THAT(record.captions, ElementsAre("x", "y"));
  EXPECT_THAT(source->fields(0), HasSubstr("\"offset\": "));
  const auto [code, message] = error_of([&] { source->record(1); });
  EXPECT_EQ(code, ErrorCode::kCorruptData);
  EXPECT_THAT(message, HasSubstr("\"offset\" as a number of bytes"));
  EXPECT_FALSE(source->record(2).stored.has_value());
}

}  // namespace
}  // namespace blip2
