// Readers of published annotation files, on small files in their layouts, good and lying.
// Layouts: Visual Genome, visualgenome.org/api/v0 (region_descriptions.json); CC3M,
// ai.google.com/research/ConceptualCaptions (Train_GCC-training.tsv); CC12M,
// github.com/google-research-datasets/conceptual-12m (cc12m.tsv); SBU,
// cs.rice.edu/~vo9/sbucaptions (both layouts); BLIP, github.com/salesforce/BLIP (pre-training
// json); names of downloaded pictures, LAVIS's download_data_cc3m.py.
#include <gmock/gmock.h>

#include "blip2/data/open_source.h"
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
namespace fs = std::filesystem;

std::unique_ptr<Source> open(const std::string& format, std::vector<fs::path> annotations,
                             const fs::path& images = {}) {
  return open_source(
      {.name = "set", .format = format, .annotations = std::move(annotations), .images = images});
}

void expect_corrupt(const std::function<void()>& call, const std::string& where,
                    const std::string& why) {
  const auto [code, message] = error_of(call);
  EXPECT_EQ(code, ErrorCode::kCorruptData);
  EXPECT_THAT(message, AllOf(HasSubstr(where), HasSubstr(why)));
}

TEST(VisualGenome, ReadsRegionDescriptions) {
  const TemporaryFolder folder;
  const fs::path file = folder.write(
      "region_descriptions.json",
      R"([{"regions": [{"region_id": 1382, "width": 82, "height": 139, "image_id": 1, "phrase": )"
      R"("the clock is \"green\", in {colour}", "y": 57, "x": 421},)"
      R"({"region_id": 1383, "width": 182, "height": 213, "image_id": 1, "phrase": "shade is ]",)"
      R"("y": 372, "x": 194}], "id": 1},)"
      R"({"regions": [], "id": 3},)"
      R"({"regions": [{"region_id": 9, "phrase": "a cat", "image_id": 2}], "id": 2}])");
  folder.write("vg/VG_100K_2/2.jpg", "x");
  const auto source = open("visual_genome", {file}, folder / "vg");
  ASSERT_EQ(source->size(), 3);
  EXPECT_EQ(source->record(0).image, folder / "vg/VG_100K/1.jpg");
  EXPECT_THAT(source->record(0).captions, ElementsAre("the clock is \"green\", in {colour}"));
  EXPECT_EQ(source->record(1).image_id, "1");
  EXPECT_EQ(source->record(1).key, "VG_100K/1.jpg");
  EXPECT_THAT(source->record(1).captions, ElementsAre("shade is ]"));
  EXPECT_EQ(source->record(2).image, folder / "vg/VG_100K_2/2.jpg");
  EXPECT_EQ(source->record(2).image_id, "2");
}

TEST(VisualGenome, ReadsLavissCaptions) {
  const TemporaryFolder folder;
  const fs::path file =
      folder.write("vg_caption.json", R"([{"image": "VG_100K_2/1.jpg", "caption": "trees"}])");
  const auto source = open("visual_genome", {file}, "/vg/images");
  ASSERT_EQ(source->size(), 1);
  EXPECT_EQ(source->record(0).image, "/vg/images/VG_100K_2/1.jpg");
  EXPECT_THAT(source->record(0).captions, ElementsAre("trees"));
}

TEST(VisualGenome, ErrorsNameThePlace) {
  const TemporaryFolder folder;
  const fs::path file = folder.write(
      "r.json", R"([{"id": 1, "regions": [{"phrase": "a"}, {"text": "b"}, {"phrase": "c"}]}])");
  const auto source = open("visual_genome", {file});
  ASSERT_EQ(source->size(), 3);
  expect_corrupt([&] { source->record(1); }, "r.json[0]", "regions[1]: expected a \"phrase\"");
  EXPECT_THAT(source->record(2).captions, ElementsAre("c"));
  const fs::path lying = folder.write("l.json", R"([{"id": 1, "regions": []}, {"id": 2}])");
  expect_corrupt([&] { open("visual_genome", {lying}); }, "l.json[1]", "\"regions\"");
  const fs::path cut = folder.write("c.json", R"([{"id": 1, "regions": [{"phrase": "a"})");
  expect_corrupt([&] { open("visual_genome", {cut}); }, "c.json",
                 "the end of a value, found a syntax error at byte");
}

constexpr const char* kUrl = "http://lh6.ggpht.com/-IvRtNLNcG8o/a.jpg";  // its CRC-32: 2797137569

TEST(CcTsv, ReadsCc3mAndCc12m) {
  const TemporaryFolder folder;
  const fs::path cc3m = folder.write(
      "Train_GCC-training.tsv",
      fmt::format("a very typical bus station\t{}\nsierra looked stunning \"in\" this top\t"
                  "https://x.org/b\r\n",
                  kUrl));
  const fs::path cc12m = folder.write(
      "cc12m.tsv",
      "https://x.org/c.jpg\tMetal Design Within Reach <PERSON>\nhttp://y/z\thttp no\n");
  const auto source = open("cc_tsv", {cc3m, cc12m}, "/cc");
  ASSERT_EQ(source->size(), 4);
  EXPECT_THAT(source->record(0).captions, ElementsAre("a very typical bus station"));
  EXPECT_EQ(source->record(0).image, "/cc/0_2797137569.jpg");
  EXPECT_THAT(source->record(1).captions, ElementsAre("sierra looked stunning \"in\" this top"));
  EXPECT_THAT(source->record(2).captions, ElementsAre("Metal Design Within Reach <PERSON>"));
  EXPECT_THAT(source->record(2).key, ::testing::StartsWith("0_"));
  EXPECT_THAT(source->record(3).captions, ElementsAre("http no"));
}

TEST(CcTsv, FindsPicturesWithoutExtensionAndPassesOverAHeader) {
  const TemporaryFolder folder;
  const fs::path file = folder.write("h.tsv", fmt::format("caption\turl\nbus\t{}\n", kUrl));
  const auto source = open("cc_tsv", {file});
  ASSERT_EQ(source->size(), 1);
  const Record record = source->record(0);
  EXPECT_EQ(record.image, folder / (record.key + ".jpg"));
  folder.write(record.key, "x");
  EXPECT_EQ(source->record(0).image, folder / record.key);
}

TEST(CcTsv, ALyingLineNamesFileAndLine) {
  const TemporaryFolder folder;
  const fs::path file = folder.write("l.tsv",
                                     "good\thttp://a/b\n\nno tab\nthree\thttp://a/b\tcolumns\n"
                                     "no\turl\nhttp://a/b\thttp://a/c\n");
  const auto source = open("cc_tsv", {file});
  ASSERT_EQ(source->size(), 5);
  expect_corrupt([&] { source->record(1); },
                 "l.tsv:3:", "two columns, a caption and a URL, found 1");
  expect_corrupt([&] { source->record(2); }, "l.tsv:4:", "found 3");
  expect_corrupt([&] { source->record(3); }, "l.tsv:5:", "found none");
  expect_corrupt([&] { source->record(4); }, "l.tsv:6:", "found both");
  EXPECT_THAT(source->record(0).captions, ElementsAre("good"));
}

TEST(Sbu, ReadsTheThreeLayouts) {
  const TemporaryFolder folder;
  const fs::path columns =
      folder.write("sbu-captions-all.json",
                   R"({"image_urls": ["http://static.flickr.com/2723/4385058960_b0f291553e.jpg",)"
                   R"( "http://static.flickr.com/1/2_c.jpg"], "user_ids": ["47889917@N08", "x"],)"
                   R"( "captions": ["A wooden chair", "a \"b\", c"]})");
  const fs::path urls = folder.write("SBU_captioned_photo_dataset_urls.txt",
                                     "http://static.flickr.com/2723/4385058960_b0f291553e.jpg\n"
                                     "http://static.flickr.com/1/2_c.jpg\n");
  const fs::path captions =
      folder.write("SBU_captioned_photo_dataset_captions.txt", "A wooden chair\na \"b\", c\n");
  const fs::path list = folder.write(
      "sbu.json", R"([{"image": "4385058960_b0f291553e.jpg", "caption": "A wooden chair",)"
                  R"( "url": "http://static.flickr.com/2723/4385058960_b0f291553e.jpg"},)"
                  R"( {"image": "2_c.jpg", "caption": "a \"b\", c", "url": "u"}])");
  for (const std::vector<fs::path>& files :
       std::vector<std::vector<fs::path>>{{columns}, {urls, captions}, {list}}) {
    const auto source = open("sbu", files, "/sbu");
    ASSERT_EQ(source->size(), 2) << files[0];
    EXPECT_EQ(source->record(0).image, "/sbu/4385058960_b0f291553e.jpg") << files[0];
    EXPECT_EQ(source->record(0).key, "4385058960_b0f291553e.jpg");
    EXPECT_THAT(source->record(0).captions, ElementsAre("A wooden chair"));
    EXPECT_THAT(source->record(1).captions, ElementsAre("a \"b\", c"));
  }
}

TEST(Sbu, RefusesListsThatDoNotFit) {
  const TemporaryFolder folder;
  const auto columns = [&](const std::string& json) {
    return open("sbu", {folder.write("s.json", json)});
  };
  expect_corrupt([&] { columns(R"({"image_urls": ["http://a/b"], "captions": []})"); }, "s.json",
                 "found 0 and 1");
  expect_corrupt([&] { columns(R"({"image_urls": []})"); }, "s.json", "\"captions\"");
  expect_corrupt([&] { columns(R"({"image_urls": ["http://a/b", "capt)"); }, "s.json", "byte");
  expect_corrupt([&] { columns(R"({"image_urls": ["http://a/b"] "captions": []})"); }, "s.json",
                 "byte 30");
  const auto bad = columns(R"({"image_urls": ["http://a/", 7], "captions": ["a", "b"]})");
  expect_corrupt([&] { bad->record(0); }, "s.json: image_urls[0]", "URL of a picture");
  expect_corrupt([&] { bad->record(1); }, "s.json: image_urls[1]", "expected a string");
  const fs::path urls = folder.write("u.txt", "http://a/b\n");
  EXPECT_EQ(error_of([&] { open("sbu", {urls}); }).first, ErrorCode::kInvalidArgument);
  expect_corrupt([&] { open("sbu", {urls, folder.write("c.txt", "")}); }, "c.txt", "found 0 and 1");
  const auto blank = open("sbu", {folder.write("u2.txt", "http://a/b\nhttp://a/c\n"),
                                  folder.write("c2.txt", "\nof c\n")});
  EXPECT_THAT(blank->record(0).captions, ElementsAre(""));
  EXPECT_THAT(blank->record(1).captions, ElementsAre("of c"));
}

TEST(BlipJson, ReadsItsList) {
  const TemporaryFolder folder;
  const fs::path file =
      folder.write("cc3m.json",
                   "[\n {\"image\": \"/data/cc3m/0_1.jpg\", \"caption\": \"a [nested] {one}\"} ,\n"
                   " {\"caption\": \"two\", \"image\": \"b.jpg\"}\n]\n");
  const auto source = open("blip_json", {file}, "/pictures");
  ASSERT_EQ(source->size(), 2);
  EXPECT_EQ(source->record(0).image, "/data/cc3m/0_1.jpg");
  EXPECT_THAT(source->record(0).captions, ElementsAre("a [nested] {one}"));
  EXPECT_EQ(source->record(1).image, "/pictures/b.jpg");
}

TEST(BlipJson, ABadEntryLeavesTheOthersReadable) {
  const TemporaryFolder folder;
  const fs::path file = folder.write(
      "b.json",
      R"([{"image": "1", "caption": "a"}, {"image" "2"}, 7, {"image": "3", "caption": "c"}])");
  const auto source = open("blip_json", {file});
  ASSERT_EQ(source->size(), 4);
  expect_corrupt([&] { source->record(1); }, "b.json[1]", "syntax error");
  expect_corrupt([&] { source->record(2); }, "b.json[2]", "found number");
  EXPECT_THAT(source->record(3).captions, ElementsAre("c"));
  for (const std::string json : {"", "3", "{}", "[", "[1", "[1,", "[1 2]", "[\"a]", "[[1]", "[}"}) {
    expect_corrupt([&] { open("blip_json", {folder.write("x.json", json)}); }, "x.json",
                   "expected");
  }
  EXPECT_EQ(open("blip_json", {folder.write("e.json", " [ ] ")})->size(), 0);
}

}  // namespace
}  // namespace blip2
