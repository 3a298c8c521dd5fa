// The demo's splits of the real assets: sizes, captions, and no concept in two of them.
#include "blip2/workflows/demo/pictures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/data/open_source.h"
#include "tests/support/assets.h"

namespace blip2 {
namespace {

using Pictures = std::vector<DemoPicture>;

using testing::assets;

const DemoPictures& demo() {
  static const DemoPictures pictures = read_demo_pictures(assets());
  return pictures;
}

std::set<std::string> values(const Pictures& pictures,
                             const std::function<std::string(const DemoPicture&)>& value) {
  std::set<std::string> result;
  for (const DemoPicture& picture : pictures) result.insert(value(picture));
  return result;
}

std::set<std::string> common(const std::set<std::string>& left,
                             const std::set<std::string>& right) {
  std::set<std::string> result;
  std::ranges::set_intersection(left, right, std::inserter(result, result.end()));
  return result;
}

std::string concept_of(const DemoPicture& picture) { return picture.concept_id; }
std::string group_of(const DemoPicture& picture) { return picture.caption_group; }
std::string caption_of(const DemoPicture& picture) { return picture.caption; }
std::string key_of(const DemoPicture& picture) { return picture.key; }
/// The emoji or the stamp, whatever its style, gender or mirroring, by this test's own rule.
std::string thing_of(const DemoPicture& picture) {
  std::string name = picture.key.substr(picture.key.find('/') + 1);
  for (const std::string part : {"-2640", "-2642", "_mirror"}) {
    if (const size_t at = name.find(part); at != std::string::npos) name.erase(at, part.size());
  }
  return name;
}

TEST(DemoPictures, SizesAreNearThePrototypes) {
  EXPECT_GT(demo().train.size(), 2300u);
  EXPECT_THAT(demo().unseen_concepts.size(),
              ::testing::AllOf(::testing::Ge(190u), ::testing::Le(290u)));
  EXPECT_THAT(demo().unseen_drawings.size(),
              ::testing::AllOf(::testing::Ge(130u), ::testing::Le(200u)));
  for (const std::string style : {"tanuki", "gemojione", "tuxpaint"}) {
    const auto of_style = [&](const DemoPicture& picture) { return picture.style == style; };
    EXPECT_GT(std::ranges::count_if(demo().train, of_style), 500) << style;
    EXPECT_GT(std::ranges::count_if(demo().unseen_concepts, of_style), 30) << style;
  }
}

TEST(DemoPictures, UnseenConceptsShareNothingWithTheOthers) {
  Pictures others = demo().train;
  others.insert(others.end(), demo().unseen_drawings.begin(), demo().unseen_drawings.end());
  for (const auto& name : {concept_of, group_of, caption_of, key_of, thing_of}) {
    EXPECT_THAT(common(values(demo().unseen_concepts, name), values(others, name)),
                ::testing::IsEmpty());
  }
}

TEST(DemoPictures, UnseenDrawingsAreKnownConceptsInAnUnknownHand) {
  const Pictures& held_out = demo().unseen_drawings;
  EXPECT_EQ(values(held_out, concept_of).size(), held_out.size());
  EXPECT_EQ(values(held_out, caption_of).size(), held_out.size());
  EXPECT_EQ(values(held_out, group_of).size(), held_out.size());
  EXPECT_THAT(common(values(held_out, key_of), values(demo().train, key_of)), ::testing::IsEmpty());
  for (const DemoPicture& picture : held_out) {
    int same_thing = 0;
    for (const DemoPicture& other : demo().train) {
      if (other.concept_id != picture.concept_id) continue;
      EXPECT_NE(other.style, picture.style) << picture.key << " and " << other.key;
      same_thing += other.caption_group == picture.caption_group ? 1 : 0;
    }
    EXPECT_GT(same_thing, 0) << picture.key;
  }
}

TEST(DemoPictures, NoFileIsInTwoLists) {
  std::map<std::string, std::string> list_of_content;
  const auto add = [&](const Pictures& pictures, const std::string& list) {
    for (const DemoPicture& picture : pictures) {
      const auto [entry, fresh] = list_of_content.emplace(checksum(read_file(picture.image)), list);
      EXPECT_TRUE(fresh || entry->second == list)
          << picture.key << " is in " << entry->second << " too";
    }
  };
  add(demo().train, "train");
  add(demo().unseen_concepts, "unseen_concepts");
  add(demo().unseen_drawings, "unseen_drawings");
  EXPECT_GT(list_of_content.size(), 2900u);
}

TEST(DemoPictures, CaptionsAreUniform) {
  for (const Pictures* pictures :
       {&demo().train, &demo().unseen_concepts, &demo().unseen_drawings}) {
    for (const DemoPicture& picture : *pictures) {
      EXPECT_FALSE(picture.caption.empty()) << picture.key;
      EXPECT_THAT(picture.caption,
                  ::testing::Not(::testing::MatchesRegex("(.*[A-Z].*|.*  .*|.*\\.| .*|.* )")))
          << picture.key;
      EXPECT_TRUE(picture.image.is_absolute());
    }
  }
}

TEST(DemoPictures, NamesComeFromUnicodeAndTuxPaint) {
  std::map<std::string, const DemoPicture*> by_key;
  for (const Pictures* pictures :
       {&demo().train, &demo().unseen_concepts, &demo().unseen_drawings}) {
    for (const DemoPicture& picture : *pictures) by_key[picture.key] = &picture;
  }
  ASSERT_TRUE(by_key.contains("gemojione/1f40e"));
  EXPECT_EQ(by_key["gemojione/1f40e"]->caption, "horse");
  EXPECT_EQ(by_key["gemojione/1f40e"]->image.filename(), "1F40E.png");
  ASSERT_TRUE(by_key.contains("tuxpaint/animals/birds/crow"));
  EXPECT_EQ(by_key["tuxpaint/animals/birds/crow"]->caption, "a crow");
  EXPECT_THAT(by_key["tuxpaint/animals/birds/crow"]->keywords,
              ::testing::ElementsAre("animals", "birds"));
  const DemoPicture* mirrored = by_key["tuxpaint/town/roadsigns/xing_school_mirror"];
  ASSERT_NE(mirrored, nullptr);
  EXPECT_EQ(mirrored->concept_id, by_key["tuxpaint/town/roadsigns/xing_school"]->concept_id);
  EXPECT_EQ(by_key["gemojione/1f468-1f468-1f466"]->concept_id, by_key["tanuki/1f46a"]->concept_id);
  EXPECT_FALSE(by_key.contains("gemojione/1f1e9-1f1ea"));  // a flag
  EXPECT_FALSE(by_key.contains("tanuki/1f44d-1f3ff"));     // a skin tone
  EXPECT_FALSE(by_key.contains("tanuki/0031-20e3"));       // a keycap
}

TEST(DemoPictures, TheSplitIsTheSameEveryTime) {
  const DemoPictures again = read_demo_pictures(assets());
  EXPECT_EQ(values(again.unseen_concepts, key_of), values(demo().unseen_concepts, key_of));
  EXPECT_EQ(again.train.front().key, demo().train.front().key);
}

TEST(DemoPictures, WrittenListsAreReadByTheJsonlSource) {
  const auto folder =
      std::filesystem::temp_directory_path() / fmt::format("blip2-demo-{}", getpid());
  write_demo_pictures(demo(), folder / "data");
  const auto source = open_source({.name = "train",
                                   .format = "jsonl",
                                   .annotations = {folder / "data/train.jsonl"},
                                   .images = {}});
  ASSERT_EQ(source->size(), static_cast<int64_t>(demo().train.size()));
  for (const int64_t index : {int64_t{0}, source->size() - 1}) {
    const Record record = source->record(index);
    const DemoPicture& picture = demo().train[static_cast<size_t>(index)];
    EXPECT_EQ(record.key, picture.key);
    EXPECT_EQ(record.image_id, picture.caption_group);
    EXPECT_EQ(record.image, picture.image);
    EXPECT_THAT(record.captions, ::testing::ElementsAre(picture.caption));
  }
  std::ifstream lines(folder / "data/unseen_drawings.jsonl");
  std::string line;
  std::getline(lines, line);
  const auto row = nlohmann::json::parse(line);
  const DemoPicture& first = demo().unseen_drawings.front();
  EXPECT_EQ(row["style"].get<std::string>(), first.style);
  EXPECT_EQ(row["concept"].get<std::string>(), first.concept_id);
  EXPECT_EQ(row["caption_group"].get<std::string>(), first.caption_group);
  EXPECT_EQ(row["keywords"].get<std::vector<std::string>>(), first.keywords);
  EXPECT_TRUE(std::filesystem::exists(folder / "data/unseen_concepts.jsonl"));
  std::filesystem::remove_all(folder);
}

TEST(DemoPictures, MissingAssetsNameTheCommand) {
  try {
    read_demo_pictures("/nonexistent");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("run tools/fetch_assets"));
  }
}

}  // namespace
}  // namespace blip2
