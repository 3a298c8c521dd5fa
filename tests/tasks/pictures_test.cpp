// From arguments to pictures: files, folders, shards and standard input, and every failure on its
// own.
#include "blip2/tasks/pictures.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sstream>

#include "blip2/base/error.h"
#include "blip2/base/list_files.h"
#include "tests/support/errors.h"
#include "tests/support/shards.h"
#include "tests/support/tiny/pictures.h"

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
  EXPECT_THAT(testing::error_of([&] { files.open(shard); }).second, HasSubstr("found a shard"));
  EXPECT_TRUE(names_picture(shard + "/b.png"));
  EXPECT_FALSE(names_picture("a red.tar/apple"));

  const std::string whole = read_file(shard);
  write_file_atomic(shard, whole.substr(0, 3 * 512 + 700));
  EXPECT_THAT(expand_images({shard}, input), ElementsAre(shard + "/b.png", shard));
  EXPECT_THAT(testing::error_of([&] { PictureFiles().open(shard); }).second,
              HasSubstr(shard + ": "));
  fs::create_directories(folder / "dir.tar");  // a folder may be called so
  const std::string inside = folder.write("dir.tar/e.png", "333");
  EXPECT_EQ(files.open(inside)->bytes().size(), 3U);
}

TEST(ExpandImages, MembersOfOneNameAreReadEachForItself) {
  const TemporaryFolder folder, loose;
  const fs::path a = loose.write("1/a.png", "1"), b = loose.write("2/a.png", "22");
  const std::string shard = folder / "twice.tar";
  const std::string command = fmt::format("tar -cf '{}' -C '{}' a.png -C '{}' a.png", shard,
                                          a.parent_path().string(), b.parent_path().string());
  ASSERT_EQ(std::system(command.c_str()), 0);
  std::istringstream input;
  const auto names = expand_images({shard}, input);
  ASSERT_THAT(names, ElementsAre(shard + "/a.png", shard + "/a.png#2"));
  PictureFiles files;
  EXPECT_EQ(files.open(names[0])->bytes().size(), 1U);
  EXPECT_EQ(files.open(names[1])->bytes().size(), 2U);
}

/// Folders in one another until the innermost path is longer than a path can be: it cannot be
/// listed, whoever asks. Returns the outermost.
fs::path endless_folder(const TemporaryFolder& folder) {
  const std::string name(250, 'd');
  fs::create_directories(folder / "endless");
  int parent = ::open((folder / "endless").c_str(), O_RDONLY | O_DIRECTORY);
  for (int depth = 0; depth < 20; ++depth) {
    EXPECT_EQ(::mkdirat(parent, name.c_str(), 0755), 0);
    const int child = ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY);
    ::close(parent);
    parent = child;
  }
  ::close(parent);
  return folder / "endless";
}

TEST(ExpandImages, WhatCannotBeReadIsAFailureOfItsOwn) {
  const TemporaryFolder folder;
  folder.write("in/notes.txt", "");
  const std::string empty = folder / "in", good = folder.write("good.png", "1");
  const std::string shard = testing::write_tar(folder, "n.tar", {{"n.txt", ""}});
  const std::string no_tar = folder.write("no.tar", "no tar at all");
  const std::string name(300, 'x'), long_name = (folder / name).string() + ".png";
  const std::string endless = endless_folder(folder);
  const std::string inside = folder.write("endless/a.png", "22");
  std::istringstream input(empty + "\n");
  const auto paths =
      expand_images({empty, good, shard, no_tar, name, long_name, endless, "-"}, input);
  ASSERT_EQ(paths.size(), 9U);
  EXPECT_THAT(std::vector(paths.begin(), paths.begin() + 7),
              ElementsAre(empty, good, shard, no_tar, name, long_name, inside));
  EXPECT_GT(paths[7].size(), 4000U);
  EXPECT_EQ(paths[8], empty);
  const auto reason = [](const std::string& path) {
    return testing::error_of([&] { PictureFiles().open(path); }).second;
  };
  EXPECT_THAT(reason(empty),
              HasSubstr("no picture (.jpg .jpeg .jpe .jfif .png .webp .gif .bmp) in this folder"));
  EXPECT_THAT(reason(shard), HasSubstr("in this shard"));
  EXPECT_THAT(reason(no_tar), HasSubstr(no_tar + ": "));
  for (const std::string& path : {name, long_name, paths[7]}) {
    EXPECT_THAT(reason(path), HasSubstr(path + ": "));
    EXPECT_THAT(reason(path), HasSubstr("File name too long"));
  }
  // Where all of a folder is needed, the error names what is missing.
  const auto [code, message] = testing::error_of([&] { list_files(endless, {}); });
  EXPECT_EQ(code, ErrorCode::kUnavailable);
  EXPECT_THAT(message, HasSubstr(paths[7] + ": cannot list the folder: "));
  EXPECT_EQ(testing::error_of([&] { list_files(folder / "gone", {}); }).first,
            ErrorCode::kNotFound);
}

TEST(ExpandImages, ANameWithAZeroByteIsNotTheNameBeforeIt) {
  const TemporaryFolder folder;
  const std::string picture = folder.write("in/a.png", "1");
  const std::string shard = testing::write_tar(folder, "n.tar", {{"b.png", "1"}});
  for (const std::string& before : {picture, shard, (folder / "in").string()}) {
    const std::string name = before + std::string("\0.tar", 5);
    std::istringstream input(name + "\n");
    EXPECT_THAT(expand_images({"-"}, input), ElementsAre(name));
    EXPECT_THAT(testing::error_of([&] { PictureFiles().open(name); }).second,
                HasSubstr("\\x00.tar: expected a path, which has no zero byte"));
  }
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
