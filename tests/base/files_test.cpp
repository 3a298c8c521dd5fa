// Files that are not what their names promise: nothing is waited for, and no device is replaced.
#include "blip2/base/files.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <functional>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace blip2 {
namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

/// Everything that opens a file to read it.
const std::vector<std::function<void(const fs::path&)>> kReaders = {
    [](const fs::path& path) { read_file(path); },
    [](const fs::path& path) { read_file_range(path, 0, 1); },
    [](const fs::path& path) { const MappedFile file(path); }};

TEST(Files, APipeIsRefusedAndNotWaitedFor) {
  const TemporaryFolder folder;
  const fs::path pipe = folder / "pipe.png";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const auto& read : kReaders) {
    const auto [code, message] = testing::error_of([&] { read(pipe); });
    EXPECT_EQ(code, ErrorCode::kNotFound);
    EXPECT_EQ(message, pipe.string() + ": expected a file, found a pipe or a device");
  }
}

TEST(Files, AFolderIsNoFile) {
  const TemporaryFolder folder;
  for (const auto& read : kReaders) {
    const auto [code, message] = testing::error_of([&] { read(folder.path()); });
    EXPECT_EQ(code, ErrorCode::kNotFound);
    EXPECT_THAT(message, HasSubstr(": expected a file, found a folder"));
  }
}

TEST(Files, APathEndsAtItsEnd) {
  const TemporaryFolder folder;
  const fs::path path = folder.write("a", "content").string() + std::string("\0.png", 5);
  for (const auto& open : kReaders) {
    const auto [code, message] = testing::error_of([&] { open(path); });
    EXPECT_EQ(code, ErrorCode::kNotFound);
    EXPECT_THAT(message, HasSubstr("a\\x00.png: expected a path, which has no zero byte"));
  }
  EXPECT_THROW(write_file_atomic(path, "more"), Error);
  EXPECT_EQ(read_file(folder / "a"), "content");
}

TEST(Files, OnlyAFileIsReplaced) {
  const TemporaryFolder folder;
  const fs::path pipe = folder / "pipe", link = folder / "link";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  fs::create_symlink("/dev/null", link);
  for (const fs::path& path : {pipe, link}) {
    for (const bool is_early : {true, false}) {
      const auto [code, message] = testing::error_of(
          [&] { is_early ? require_writable(path) : write_file_atomic(path, "content"); });
      EXPECT_EQ(code, ErrorCode::kInvalidArgument);
      EXPECT_EQ(message, path.string() + ": expected a file to write, found a pipe or a device");
    }
  }
  EXPECT_TRUE(fs::is_fifo(pipe));
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_THAT(testing::error_of([&] { write_file_atomic(folder.path(), ""); }).second,
              HasSubstr("expected a file to write, found a folder"));
  folder.write("file", "old");
  write_file_atomic(folder / "file", "new");
  EXPECT_EQ(read_file(folder / "file"), "new");
}

}  // namespace
}  // namespace blip2
