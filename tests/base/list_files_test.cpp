// Walks through folders: what is taken, what is ignored, and where links lead.
#include "blip2/base/list_files.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/support/temporary_folder.h"

namespace blip2 {
namespace {
namespace fs = std::filesystem;
using ::testing::ElementsAre;
using testing::TemporaryFolder;

TEST(ListFiles, WhatProgramsLeaveIsIgnored) {
  const TemporaryFolder folder;
  const fs::path taken = folder.write("b/IMG_1.JPG", "1");
  const fs::path another = folder.write("__pictures/a.jpg", "1");
  for (const char* name :
       {"._IMG_1.jpg", ".hidden.jpg", "b/.ipynb_checkpoints/IMG_1-checkpoint.jpg",
        "__MACOSX/b/IMG_1.jpg", "__MACOSX/b/._IMG_1.jpg", "@eaDir/IMG_1.jpg",
        "@eaDir/IMG_1.jpg/SYNOPHOTO_THUMB_XL.jpg.jpg", "Thumbs.db", "thumbs.DB", "desktop.ini",
        ".DS_Store", "$RECYCLE.BIN/S-1-5/$R1.jpg", ".Trash-1000/files/x.jpg",
        ".thumbnails/x.jpg"}) {
    if (!std::string_view(name).ends_with("@eaDir/IMG_1.jpg")) folder.write(name, "1");
  }
  EXPECT_THAT(list_files(folder.path(), {".jpg"}), ElementsAre(another, taken));
  EXPECT_THAT(list_files(folder.path(), {}), ElementsAre(another, taken));
  EXPECT_THAT(list_readable_files(folder.path(), {}).files, ElementsAre(another, taken));
  // The rule is for what is below a folder, not for the folder that somebody names.
  EXPECT_EQ(list_files(folder / "b/.ipynb_checkpoints", {}).size(), 1u);
  EXPECT_TRUE(is_leftover_path("./__MACOSX/._a.jpg"));
  EXPECT_TRUE(is_leftover_path("a/.b/c.jpg"));
  EXPECT_FALSE(is_leftover_path("./a/../b.jpg"));
  EXPECT_FALSE(is_leftover_path(""));
}

TEST(ListFiles, LinksAreFollowedAndLoopsEnd) {
  const TemporaryFolder outside, folder;
  outside.write("disk/x.jpg", "1");
  outside.write("disk/deep/y.jpg", "1");
  outside.write("one.jpg", "1");
  folder.write("data/z.jpg", "1");
  fs::create_directory_symlink(outside / "disk", folder / "data/linked");
  fs::create_directory_symlink(outside / "disk", folder / "data/linked_again");
  fs::create_directory_symlink(outside / "disk/deep", folder / "data/a_part_of_it");
  fs::create_directory_symlink(".", folder / "data/loop");
  fs::create_directory_symlink("..", folder / "data/parent");
  fs::create_directory_symlink("../data", folder / "data/itself");
  fs::create_directory_symlink(folder / "data", outside / "disk/back");
  fs::create_symlink(outside / "one.jpg", folder / "data/one.jpg");
  folder.write("beside.jpg", "not below the folder");
  EXPECT_THAT(list_files(folder / "data", {".jpg"}),
              ElementsAre(folder / "data/a_part_of_it/y.jpg", folder / "data/linked/x.jpg",
                          folder / "data/one.jpg", folder / "data/z.jpg"));
}

TEST(ListFiles, AFolderBelowKeepsItsOwnPath) {
  const TemporaryFolder folder;
  folder.write("z/x.jpg", "1");
  fs::create_directory_symlink("z", folder / "a");
  EXPECT_THAT(list_files(folder.path(), {}), ElementsAre(folder / "z/x.jpg"));
}

TEST(ListReadableFiles, WhatCannotBeOpenedIsListed) {
  const TemporaryFolder folder;
  const std::string good = folder.write("a.png", "1");
  const fs::path dangling = folder / "b.png", loop = folder / "c.png", pipe = folder / "d.png";
  fs::create_symlink("gone", dangling);
  fs::create_symlink("c.png", loop);
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  fs::create_symlink("gone", folder / "notes.txt");
  fs::create_directory_symlink(".", folder / "folder.png");
  EXPECT_THAT(list_readable_files(folder.path(), {".png"}).files,
              ElementsAre(good, dangling, loop, pipe));
  EXPECT_THAT(list_files(folder.path(), {".png"}), ElementsAre(good));
}

}  // namespace
}  // namespace blip2
