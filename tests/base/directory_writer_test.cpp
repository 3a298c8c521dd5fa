// A folder that appears whole or not at all, and never in place of somebody's documents.
#include "blip2/base/directory_writer.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace blip2 {
namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;

bool is_own(std::string_view content) { return content != "another's"; }

const DirectoryMark kKind{"index", "index.json", is_own, {"index.json", "more", "in/side"}};

/// What is in a folder, hidden names included.
size_t num_entries(const fs::path& folder) {
  return static_cast<size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

void write(const fs::path& target, const std::string& content) {
  DirectoryWriter writer(target, kKind);
  write_file_atomic(writer.path() / "index.json", content);
  writer.commit();
}

TEST(DirectoryWriter, IsSeenWhenItIsWhole) {
  const testing::TemporaryFolder folder;
  const fs::path target = folder / "parent" / "made";
  DirectoryWriter writer(target, kKind);
  write_file_atomic(writer.path() / "index.json", "one");
  EXPECT_FALSE(fs::exists(target));
  writer.commit();
  EXPECT_EQ(read_file(target / "index.json"), "one");
  EXPECT_EQ(num_entries(folder / "parent"), 1u);
}

TEST(DirectoryWriter, LeavesNothingWithoutCommit) {
  const testing::TemporaryFolder folder;
  write(folder / "made", "old");
  {
    DirectoryWriter writer(folder / "made", kKind);
    write_file_atomic(writer.path() / "index.json", "new");
  }
  EXPECT_EQ(read_file(folder / "made" / "index.json"), "old");
  EXPECT_EQ(num_entries(folder.path()), 1u);
}

TEST(DirectoryWriter, ReplacesAnOlderOneAsAWhole) {
  const testing::TemporaryFolder folder;
  write(folder / "made", "old");
  write_file_atomic(folder / "made" / "more", "of the old one");
  folder.write("made/in/side", "of the old one");
  write((folder / "made").string() + "/", "new");
  EXPECT_EQ(read_file(folder / "made" / "index.json"), "new");
  EXPECT_FALSE(fs::exists(folder / "made" / "more"));
  EXPECT_EQ(num_entries(folder.path()), 1u);
}

TEST(DirectoryWriter, PutsTheOlderOneBackWhereTheNewOneCannotTakeItsPlace) {
  const testing::TemporaryFolder folder;
  write(folder / "made", "old");
  DirectoryWriter writer(folder / "made", kKind);
  fs::remove_all(writer.path());  // by somebody else
  EXPECT_THROW(writer.commit(), Error);
  EXPECT_EQ(read_file(folder / "made" / "index.json"), "old");
  EXPECT_EQ(num_entries(folder.path()), 1u);
}

TEST(DirectoryWriter, FillsAnEmptyFolder) {
  const testing::TemporaryFolder folder;
  fs::create_directories(folder / "made");
  write(folder / "made", "one");
  EXPECT_EQ(read_file(folder / "made" / "index.json"), "one");
}

TEST(DirectoryWriter, KeepsWhatIsOfAnotherKind) {
  struct Case {
    std::string folder, file, content, found;
  };
  const testing::TemporaryFolder folder;
  folder.write("file", "dear");
  const std::vector<Case> cases = {
      {"documents", "letter.txt", "dear", "found letter.txt"},
      {"unmarked", "more", "dear", "found no index.json"},
      {"project", "index.json", "another's", "found another index.json"},
      {"marked", "in/letter.txt", "dear", "found in/letter.txt"},
      {"sources", "src/notes.txt", "dear", "found src/"},
      {"file", "", "", "found a file"},
  };
  for (const char* name : {"marked", "sources"}) write(folder / name, "own");
  for (const Case& one : cases) {
    SCOPED_TRACE(one.folder);
    if (!one.file.empty()) folder.write(one.folder + "/" + one.file, one.content);
    const auto [code, message] =
        testing::error_of([&] { const DirectoryWriter writer(folder / one.folder, kKind); });
    EXPECT_EQ(code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(message, HasSubstr((folder / one.folder).string() + ": expected"));
    EXPECT_THAT(message, HasSubstr(one.found));
    const fs::path kept = folder / one.folder / one.file;
    EXPECT_TRUE(one.file.empty() || read_file(kept) == one.content);
  }
  EXPECT_EQ(read_file(folder / "file"), "dear");
  EXPECT_EQ(num_entries(folder.path()), cases.size());
}

TEST(DirectoryWriter, WritesWhereALinkLeads) {
  const testing::TemporaryFolder folder;
  write(folder / "disk/made", "old");
  const fs::path link = folder / "link", chain = folder / "chain", dangling = folder / "dangling";
  fs::create_directory_symlink("disk/made", link);
  fs::create_directory_symlink("link", chain);
  fs::create_directory_symlink("disk/../disk/later/", dangling);
  write(chain, "new");
  EXPECT_EQ(read_file(folder / "disk/made/index.json"), "new");
  write(dangling.string() + "/", "later");
  EXPECT_EQ(read_file(folder / "disk/later/index.json"), "later");
  for (const fs::path& path : {link, chain, dangling}) EXPECT_TRUE(fs::is_symlink(path));
  EXPECT_EQ(num_entries(folder / "disk"), 2u);
  EXPECT_EQ(num_entries(folder.path()), 4u);

  fs::create_symlink("loop", folder / "loop");
  const auto [code, message] =
      testing::error_of([&] { const DirectoryWriter writer(folder / "loop", kKind); });
  EXPECT_EQ(code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(message, HasSubstr("loop: expected a folder to write, found a link to nowhere"));
}

TEST(DirectoryWriter, RefusesAMountPoint) {
  const testing::TemporaryFolder folder;
  fs::create_directory_symlink("/proc", folder / "link");
  for (const fs::path& path : {fs::path("/proc"), fs::path("/"), folder / "link"}) {
    const auto [code, message] =
        testing::error_of([&] { const DirectoryWriter writer(path, kKind); });
    EXPECT_EQ(code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(message, HasSubstr(": a mount point, which cannot be replaced: give a folder "
                                   "inside it, such as "));
    EXPECT_THAT(message, HasSubstr("/index"));
  }
}

TEST(DirectoryWriter, KeepsWhatWasPutThereMeanwhile) {
  const testing::TemporaryFolder folder;
  write(folder / "made", "old");
  DirectoryWriter writer(folder / "made", kKind);
  write_file_atomic(writer.path() / "index.json", "new");
  folder.write("made/letter.txt", "dear");
  EXPECT_THROW(writer.commit(), Error);
  EXPECT_EQ(read_file(folder / "made" / "index.json"), "old");
  EXPECT_EQ(read_file(folder / "made" / "letter.txt"), "dear");
}

}  // namespace
}  // namespace blip2
