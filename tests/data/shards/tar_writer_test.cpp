// What is written against the system's tar, as reader and as writer, and against this program's own
// index.
#include "blip2/data/shards/tar_writer.h"

#include <gmock/gmock.h>

#include <cstdio>

#include "blip2/data/shards/tar_index.h"
#include "tests/support/errors.h"
#include "tests/support/shards.h"

namespace blip2 {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using testing::NamedBytes;
using testing::TemporaryFolder;

std::string written(const std::vector<NamedBytes>& members) {
  std::string tar;
  TarWriter writer([&tar](std::string_view bytes) { tar += bytes; });
  for (const NamedBytes& member : members) {
    const int64_t offset = writer.add(member.name, member.bytes);
    EXPECT_EQ(tar.substr(static_cast<size_t>(offset), member.bytes.size()), member.bytes);
  }
  writer.finish();
  return tar;
}

std::vector<std::string> names_in(const std::string& tar) {
  const TarIndex index = index_tar(std::as_bytes(std::span(tar)));
  EXPECT_EQ(index.damage, "");
  std::vector<std::string> names;
  for (const TarMember& member : index.members) names.push_back(member.name);
  return names;
}

/// What the system's tar prints for `command`.
std::string system_tar(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  std::string text;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) text += static_cast<char>(c);
  EXPECT_EQ(pclose(pipe), 0);
  return text;
}

TEST(TarWriter, WritesWhatGnuTarWrites) {
  const TemporaryFolder folder;
  const std::vector<NamedBytes> members = {
      {"000000001.jpg", "bytes"}, {"part/000000001.txt", std::string(513, 'x')}, {"empty.txt", ""}};
  std::string names;
  for (const NamedBytes& member : members) {
    folder.write(member.name, member.bytes);
    names += " " + member.name;
  }
  system_tar(
      fmt::format("tar --format=ustar --mtime=@0 --owner=0 --group=0 --numeric-owner "
                  "--mode=0644 -b2 -cf '{}' -C '{}'{}",
                  (folder / "gnu.tar").string(), folder.path().string(), names));
  EXPECT_TRUE(written(members) == read_file(folder / "gnu.tar"));
}

TEST(TarWriter, LongNamesAreReadBack) {
  const std::string folders = fmt::format("{:d>90}/{:e>60}", "", "");
  const std::vector<std::string> names = {
      std::string(100, 'a'), folders + "/" + std::string(100, 'b') + ".jpg", std::string(300, 'c'),
      folders + "/short.txt", "f\xc3\xa9/\xff.jpg"};
  std::vector<NamedBytes> members;
  for (const std::string& name : names) members.push_back({name, "of " + name});
  const std::string tar = written(members);
  EXPECT_EQ(names_in(tar), names);
  const TemporaryFolder folder;
  const auto path = folder.write("x.tar", tar);
  std::string expected;
  for (size_t i = 0; i < 4; ++i) expected += names[i] + "\n";
  EXPECT_THAT(system_tar("tar -tf '" + path.string() + "'"), ::testing::StartsWith(expected));
}

TEST(TarWriter, AnEmptyTarIsWhole) {
  EXPECT_EQ(written({}), std::string(1024, '\0'));
  EXPECT_THAT(names_in(written({})), ElementsAre());
}

TEST(TarWriter, RefusesNamesThatATarCannotHold) {
  TarWriter writer([](std::string_view) {});
  EXPECT_EQ(error_of([&] { writer.add("", "x"); }).first, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of([&] { writer.add(std::string("a\0b", 3), "x"); }).first,
            ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace blip2
