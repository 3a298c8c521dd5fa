#include "blip2/tasks/pictures.h"

#include <gmock/gmock.h>

#include <sstream>

#include "blip2/base/error.h"
#include "tests/support/errors.h"
#include "tests/support/shards.h"
#include "tests/tasks/tiny_bundle.h"

namespace blip2 {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
namespace fs = std::filesystem;

TEST(ExpandImages, FilesFoldersAndStandardInput) {
  const TemporaryFolder folder;
  const std::string b = folder.write("in/b.PNG", ""), a = folder.write("in/a/z.jpg", "");
  folder.write("in/notes.txt", "");
  std::istringstream input("one.png\r\n\ntwo words.png\n");
  EXPECT_THAT(expand_images({"x.png", folder / "in", "-", "gone.bmp"}, input),
              ElementsAre("x.png", a, b, "one.png", "two words.png", "gone.bmp"));
}

TEST(ExpandImages, AShardIsItsPictures) {
  const TemporaryFolder folder;
  const std::string shard = testing::write_tar(
      folder, "in/00000.tar", {{"b.png", "1"}, {"b.json", "{}"}, {"a/c.JPG", "22"}, {"d.txt", ""}});
  std::istringstream input(shard + "\n");
  EXPECT_THAT(expand_images({"x.png", shard, "-", "gone.tar"}, input),
              ElementsAre("x.png", shard + "/b.png", shard + "/a/c.JPG", shard + "/b.png",
                          shard + "/a/c.JPG", "gone.tar"));
  PictureFiles files;
  EXPECT_EQ(files.open(shard + "/a/c.JPG")->bytes().size(), 2U);
  EXPECT_EQ(files.open(shard + "/d.txt")->bytes().size(), 0U);
  EXPECT_EQ(testing::error_of([&] { files.open(shard + "/gone.png"); }).first,
            ErrorCode::kNotFound);
  EXPECT_EQ(testing::error_of([&] { files.open(shard); }).first, ErrorCode::kCorruptData);
  EXPECT_TRUE(names_picture(shard + "/b.png"));
  EXPECT_FALSE(names_picture("a red.tar/apple"));

  const std::string whole = read_file(shard);
  write_file_atomic(shard, whole.substr(0, 3 * 512 + 700));
  EXPECT_THAT(expand_images({shard}, input), ElementsAre(shard + "/b.png", shard));
  EXPECT_THAT(testing::error_of([&] { PictureFiles().open(shard); }).second,
              HasSubstr(shard + ": "));
  EXPECT_THROW(expand_images({testing::write_tar(folder, "n.tar", {{"n.txt", ""}})}, input), Error);
  fs::create_directories(folder / "dir.tar");  // a folder may be called so
  const std::string inside = folder.write("dir.tar/e.png", "333");
  EXPECT_EQ(files.open(inside)->bytes().size(), 3U);
}

TEST(ExpandImages, RefusesAFolderWithoutPictures) {
  const TemporaryFolder folder;
  folder.write("in/notes.txt", "");
  std::istringstream input;
  EXPECT_THROW(expand_images({folder / "in"}, input), Error);
}

TEST(PictureReader, FailuresStandWhereTheyWere) {
  const TemporaryFolder folder;
  const std::vector<std::string> good = testing::write_pictures(folder, 3);
  const std::string whole = read_file(good[0]);
  const std::string cut = folder.write("cut.png", whole.substr(0, whole.size() / 2));
  const std::string text = folder.write("text.png", "no picture");
  const std::vector<std::string> paths = {good[0], cut, good[1], text, "gone.png", good[2]};
  ImageTransform transform;
  transform.image_size = 24;
  std::vector<size_t> read, failed;
  PictureReader reader(paths, transform, {{}, 2});
  for (PictureBatch batch; reader.next(batch);) {
    EXPECT_EQ(batch.pictures.size() + batch.failures.size(), 2U);
    for (const Picture& picture : batch.pictures) {
      read.push_back(picture.input);
      EXPECT_EQ(picture.path, paths[picture.input]);
      EXPECT_EQ(picture.pixels.size(), 3U * 24 * 24);
    }
    for (const PictureFailure& failure : batch.failures) {
      failed.push_back(failure.input);
      EXPECT_THAT(failure.reason, HasSubstr(failure.path));
    }
  }
  EXPECT_THAT(read, ElementsAre(0, 2, 5));
  EXPECT_THAT(failed, ElementsAre(1, 3, 4));
}

}  // namespace
}  // namespace blip2
