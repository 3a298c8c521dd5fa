// Lists that differ are told apart, in words that say where; moved ones are the same.
#include "blip2/data/listing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "blip2/data/open_source.h"
#include "tests/data/memory_source.h"
#include "tests/support/shards.h"

namespace blip2 {
namespace {

using testing::TemporaryFolder;
using testing::write_tar;
namespace fs = std::filesystem;

std::string line_of(int64_t i, const std::string& caption = "caption") {
  return fmt::format(R"({{"image": "{}.jpg", "caption": "{} {}"}})", i % 4, caption, i);
}

std::vector<std::string> lines_of(int64_t count) {
  std::vector<std::string> lines;
  for (int64_t i = 0; i < count; ++i) lines.push_back(line_of(i));
  return lines;
}

ListFingerprint print_of(const std::string& format, const fs::path& annotations,
                         const fs::path& images = {}) {
  SourceConfig config{"d", format, {}, images};
  if (!annotations.empty()) config.annotations = {annotations};
  return fingerprint(*open_source(config));
}

class Lists : public ::testing::Test {
 protected:
  ListFingerprint jsonl(const std::vector<std::string>& lines) {
    return print_of("jsonl",
                    folder_.write("data.jsonl", fmt::format("{}\n", fmt::join(lines, "\n"))));
  }
  TemporaryFolder folder_;
};

TEST_F(Lists, LinesAreComparedOneByOne) {
  const ListFingerprint forty = jsonl(lines_of(40));
  EXPECT_EQ(forty.records, 40);
  EXPECT_EQ(difference(forty, jsonl(lines_of(40))), "");
  EXPECT_EQ(difference(forty, jsonl(lines_of(60))),
            "60 records instead of 40; the first 40 records are the same");
  EXPECT_EQ(difference(forty, jsonl(lines_of(20))),
            "20 records instead of 40; the first 20 records are the same");
  std::vector<std::string> lines = lines_of(40);
  std::ranges::reverse(lines);
  EXPECT_EQ(difference(forty, jsonl(lines)),
            "40 records as before, the same in another order; the first difference is at record 1");
  lines = lines_of(40);
  std::swap(lines[17], lines[30]);
  EXPECT_EQ(
      difference(forty, jsonl(lines)),
      "40 records as before, the same in another order; the first difference is at record 18");
  lines = lines_of(40);
  lines[39] = line_of(39, "another caption");
  EXPECT_EQ(difference(forty, jsonl(lines)),
            "40 records as before; the first difference is at record 40");
}

TEST_F(Lists, LongListsAreComparedInBlocks) {
  const ListFingerprint thousand = jsonl(lines_of(1000));
  EXPECT_LE(thousand.blocks.size(), 256u);
  EXPECT_EQ(thousand.block, 4);
  std::vector<std::string> lines = lines_of(1000);
  lines[701] = line_of(0);
  EXPECT_EQ(difference(thousand, jsonl(lines)),
            "1000 records as before; the first difference is at record 701 or later, up to 704");
  EXPECT_EQ(difference(thousand, jsonl(lines_of(5000))),
            "5000 records instead of 1000; the first difference is at record 993 or later, up to "
            "1024");
  EXPECT_EQ(difference(thousand, jsonl(lines_of(2000))),
            "2000 records instead of 1000; the first 1000 records are the same");
  EXPECT_THAT(difference(thousand, jsonl(lines_of(8))), ::testing::HasSubstr("8 records instead"));
}

TEST_F(Lists, EveryFormatListsWhatItHolds) {
  const auto write = [&](const std::string& name, const std::string& text) {
    return folder_.write(name, text);
  };
  const auto expect_other = [](const ListFingerprint& a, const ListFingerprint& b) {
    EXPECT_NE(difference(a, b), "");
  };
  const std::string one = line_of(1), two = line_of(2), other = line_of(2, "other");
  expect_other(print_of("blip_json", write("a.json", fmt::format("[{}, {}]", one, two))),
               print_of("blip_json", write("a.json", fmt::format("[{}, {}]", one, other))));
  EXPECT_EQ(print_of("blip_json", write("a.json", fmt::format("[{}, {}]", one, two))),
            print_of("blip_json", write("b.json", fmt::format("[{},\n {}]", one, two))));
  expect_other(
      print_of("cc_tsv", write("a.tsv", "a\thttp://x/1\nb\thttp://x/2\n"), folder_.path()),
      print_of("cc_tsv", write("a.tsv", "a\thttp://x/1\nb\thttp://x/3\n"), folder_.path()));
  const auto regions = [&](const char* phrase) {
    return write("vg.json",
                 fmt::format(R"([{{"id": 3, "regions": [{{"phrase": "{}"}}]}}])", phrase));
  };
  expect_other(print_of("visual_genome", regions("a cat")),
               print_of("visual_genome", regions("a dog")));
  const auto sbu = [&](const char* caption) {
    return write(
        "sbu.json",
        fmt::format(R"({{"image_urls": ["http://x/1.jpg"], "captions": ["{}"]}})", caption));
  };
  expect_other(print_of("sbu", sbu("a cat")), print_of("sbu", sbu("a dog")));

  const auto metadata = [&](const char* caption) {
    write("meta/metadata.csv", fmt::format("file_name,text\n0.png,{}\n", caption));
    return print_of("imagefolder", {}, folder_ / "meta");
  };
  expect_other(metadata("a cat"), metadata("a dog"));
  const auto coco = [&](const char* name, const char* caption) {
    return print_of("coco",
                    write("coco.json", fmt::format(R"({{"images": [{{"id": 1, "file_name": "{}"}}],
          "annotations": [{{"id": 5, "image_id": 1, "caption": "{}"}}]}})",
                                                   name, caption)));
  };
  expect_other(coco("1.jpg", "a cat"), coco("1.jpg", "a dog"));
  expect_other(coco("1.jpg", "a cat"), coco("2.jpg", "a cat"));

  write("loose/0.png", "");
  write("loose/0.txt", "a cat");
  write("loose/1.png", "");  // without a caption
  const ListFingerprint loose = print_of("folder", {}, folder_ / "loose");
  EXPECT_EQ(loose.records, 2);
  fs::rename(folder_ / "loose", folder_ / "moved");
  EXPECT_EQ(print_of("folder", {}, folder_ / "moved"), loose);
  write("moved/0.txt", "a dog");
  expect_other(print_of("folder", {}, folder_ / "moved"), loose);
}

TEST_F(Lists, ShardsAreListedByNameAndSize) {
  const auto member = [](const std::string& text) {
    return std::vector<testing::NamedBytes>{{"a.png", "1"}, {"a.txt", text}};
  };
  for (const char* name : {"x/0.tar", "y/0.tar", "y/1.tar"}) {
    fs::create_directories((folder_ / name).parent_path());
    write_tar(folder_, name, member("a cat"));
  }
  const ListFingerprint all = print_of("webdataset", {}, folder_.path());
  EXPECT_EQ(all.records, 3);
  EXPECT_EQ(all.entries, 3);
  EXPECT_EQ(difference(all, print_of("webdataset", folder_ / "{x/0,y/0,y/1}.tar")), "");
  EXPECT_EQ(difference(all, print_of("webdataset", folder_ / "{y/0,x/0,y/1}.tar")),
            "3 records as before, the same in another order; the first difference is at record 1");
  write_tar(folder_, "y/1.tar", member("a dog"));  // of as many bytes
  EXPECT_EQ(difference(all, print_of("webdataset", {}, folder_.path())),
            "3 records as before; the first difference is at record 3");
  fs::remove(folder_ / "y/1.tar");
  write_tar(folder_, "y/1.tar", {{"a.png", "1"}, {"a.txt", "a"}, {"b.png", "1"}, {"b.txt", "b"}});
  EXPECT_EQ(difference(all, print_of("webdataset", {}, folder_.path())),
            "4 records instead of 3; the first difference is at record 3");
  write_tar(folder_, "y/2.tar", member("a cat"));
  fs::remove(folder_ / "y/1.tar");
  EXPECT_NE(difference(all, print_of("webdataset", {}, folder_.path())), "");
}

TEST(Listing, RecordsThatAreNotWellFormedCountToo) {
  EXPECT_EQ(fingerprint(MemorySource("m", 9, {3})), fingerprint(MemorySource("m", 9, {3})));
  EXPECT_EQ(difference(fingerprint(MemorySource("m", 9)), fingerprint(MemorySource("m", 9, {3}))),
            "9 records as before; the first difference is at record 4");
}

}  // namespace
}  // namespace blip2
