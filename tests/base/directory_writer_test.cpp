// A folder that appears whole or not at all, and never in place of somebody's documents.
#include "blip2/base/directory_writer.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "tests/support/temporary_folder.h"

namespace blip2 {
namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;

const DirectoryMark kKind{"index", "index.json"};

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
  const testing::TemporaryFolder folder;
  fs::create_directories(folder / "documents");
  write_file_atomic(folder / "documents" / "letter.txt", "dear");
  write_file_atomic(folder / "file", "dear");
  for (const char* name : {"documents", "file"}) {
    SCOPED_TRACE(name);
    try {
      const DirectoryWriter writer(folder / name, kKind);
      FAIL() << "taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.what(), HasSubstr((folder / name).string()));
    }
  }
  EXPECT_EQ(read_file(folder / "documents" / "letter.txt"), "dear");
  EXPECT_EQ(read_file(folder / "file"), "dear");
  EXPECT_EQ(num_entries(folder.path()), 2u);
}

}  // namespace
}  // namespace blip2
