// Two different pictures are never one, whatever they are called; one picture under two names is
// two.
#include "blip2/data/record_identity.h"

#include <gmock/gmock.h>

#include <set>

#include "blip2/data/open_source.h"
#include "blip2/data/sampler.h"
#include "tests/support/shards.h"

namespace blip2 {
namespace {

using testing::TemporaryFolder;
using testing::write_tar;
namespace fs = std::filesystem;

MixturePart part(const std::string& name, const std::string& format,
                 const std::vector<fs::path>& annotations, const fs::path& images = {}) {
  return {.name = name,
          .source = open_source(
              {.name = name, .format = format, .annotations = annotations, .images = images}),
          .sample_ratio = 1};
}

/// The samples of one epoch in file order, each with a number of its augmentation's stream.
struct Drawn {
  std::vector<Sample> samples;
  std::set<std::string> pictures;
  std::set<uint64_t> draws;

  explicit Drawn(MixturePart one) {
    std::vector<MixturePart> parts;
    parts.push_back(std::move(one));
    add(Mixture(std::move(parts)));
  }
  Drawn(MixturePart one, MixturePart two) {
    std::vector<MixturePart> parts;
    parts.push_back(std::move(one));
    parts.push_back(std::move(two));
    add(Mixture(std::move(parts)));
  }

 private:
  void add(const Mixture& mixture) {
    SamplerConfig config;
    config.shuffle = false;
    config.samples_per_epoch = mixture.epoch_size();
    const Sampler sampler(mixture, config, {});
    for (int64_t i = 0; i < mixture.epoch_size(); ++i) {
      samples.push_back(sampler.sample(i));
      pictures.insert(samples.back().picture);
      draws.insert(samples.back().augmentation.bits());
    }
  }
};

TEST(RecordIdentity, ShardsOfOneNameInTwoFoldersHoldDifferentPictures) {
  const TemporaryFolder folder;
  for (const char* shard : {"cc3m/00000.tar", "sbu/00000.tar"}) {
    write_tar(folder, shard, {{"000000000.jpg", shard}, {"000000000.txt", "a picture"}});
  }
  const Drawn drawn(part("pairs", "webdataset", {}, folder.path()));
  ASSERT_EQ(drawn.samples.size(), 2u);
  EXPECT_EQ(drawn.pictures.size(), 2u);
  EXPECT_EQ(drawn.draws.size(), 2u);
  EXPECT_NE(drawn.samples[0].key, drawn.samples[1].key);
  EXPECT_EQ(drawn.samples[0].listed_in, (folder / "cc3m/00000.tar").string());
}

TEST(RecordIdentity, TwoSamplesOfOneKeyInAShardAreTwoPictures) {
  const TemporaryFolder folder;
  const TemporaryFolder first, second;
  first.write("a.jpg", "1"), first.write("a.txt", "x"), first.write("b.jpg", "2");
  first.write("b.txt", "x"), second.write("a.jpg", "3"), second.write("a.txt", "x");
  testing::pack(folder / "x.tar", first.path(), {"a.jpg", "a.txt", "b.jpg", "b.txt"});
  const std::string append = fmt::format("tar -rf '{}' -C '{}' a.jpg a.txt",
                                         (folder / "x.tar").string(), second.path().string());
  ASSERT_EQ(std::system(append.c_str()), 0);
  const Drawn drawn(part("pairs", "webdataset", {folder / "x.tar"}));
  ASSERT_EQ(drawn.samples.size(), 3u);
  EXPECT_EQ(drawn.pictures.size(), 3u);
  EXPECT_EQ(drawn.draws.size(), 3u);
}

TEST(RecordIdentity, AnImageIdIsLocalToItsDataSet) {
  const TemporaryFolder folder;
  const auto rows = [&](const std::string& name) {
    return folder.write(name, R"({"image": "1.jpg", "caption": "a", "image_id": 7})"
                              "\n"
                              R"({"image": "2.jpg", "caption": "b", "image_id": "7.0"})"
                              "\n");
  };
  const fs::path one = rows("one/a.jsonl"), two = rows("two/a.jsonl");
  EXPECT_EQ(Drawn(part("pairs", "jsonl", {one, two})).pictures.size(), 1u);
  const Drawn apart(part("coco", "jsonl", {one}), part("flickr", "jsonl", {two}));
  EXPECT_EQ(apart.pictures.size(), 2u);
  EXPECT_EQ(apart.samples[0].picture, apart.samples[1].picture);
  EXPECT_EQ(apart.draws.size(), 4u);
}

TEST(RecordIdentity, FilesOfOneListNameDifferentPicturesBelowTheirOwnFolders) {
  const TemporaryFolder folder;
  const std::string row = R"({"image": "1.jpg", "caption": "a"})";
  const fs::path one = folder.write("one/a.jsonl", row), two = folder.write("two/a.jsonl", row);
  const Drawn apart(part("pairs", "jsonl", {one, two}));
  EXPECT_EQ(apart.pictures.size(), 2u);
  EXPECT_EQ(apart.draws.size(), 2u);
  EXPECT_EQ(Drawn(part("pairs", "jsonl", {one, two}, folder / "images")).pictures.size(), 1u);
  // The same list twice, with different pictures: as a data set of small and one of large ones.
  const Drawn sizes(part("small", "jsonl", {one}, folder / "small"),
                    part("large", "jsonl", {one}, folder / "large"));
  EXPECT_EQ(sizes.pictures.size(), 2u);
  EXPECT_EQ(sizes.draws.size(), 2u);
}

TEST(RecordIdentity, ANameIsNoPathAndAKeyIsNoPicture) {
  const TemporaryFolder folder;
  const fs::path list =
      folder.write("a.jsonl", R"({"image": "1.jpg", "caption": "a", "key": "k"})"
                              "\n"
                              R"({"image": "2.jpg", "caption": "b", "key": "k"})"
                              "\n"
                              R"({"image": "3.jpg", "caption": "c", "image_id": "1.jpg"})"
                              "\n"
                              R"({"image": "1.jpg", "caption": "d"})");
  const Drawn drawn(part("pairs", "jsonl", {list}));
  EXPECT_EQ(drawn.pictures.size(), 3u);  // rows 0 and 3 are one picture
  EXPECT_EQ(drawn.samples[0].picture, drawn.samples[3].picture);
  EXPECT_EQ(drawn.draws.size(), 4u);
}

TEST(RecordIdentity, NumbersThatMeanTheSameAreOneImageId) {
  const TemporaryFolder folder;
  const std::vector<std::pair<std::string, std::string>> ids = {
      {"5", "5"},
      {"5.0", "5"},
      {"\"5\"", "5"},
      {"\"5.0\"", "5"},
      {"5e0", "5"},
      {"-0.0", "0"},
      {"5.5", "5.5"},
      {"\"5.5\"", "5.5"},
      {"\"x.0\"", "x.0"},
      {"\"05\"", "05"},
      {"123456789012345678", "123456789012345678"}};
  std::string rows;
  for (const auto& [json, name] : ids) {
    rows += R"({"image": "1.jpg", "caption": "a", "image_id": )" + json + "}\n";
  }
  const auto source = open_source({.name = "p",
                                   .format = "jsonl",
                                   .annotations = {folder.write("a.jsonl", rows)},
                                   .images = {}});
  for (size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(source->record(static_cast<int64_t>(i)).image_id, ids[i].second) << ids[i].first;
  }
}

}  // namespace
}  // namespace blip2
