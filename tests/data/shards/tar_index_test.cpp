// Where members lie, in the three formats that tar writes, and what is said of a tar that is cut or
// damaged anywhere.
#include "blip2/data/shards/tar_index.h"

#include <gmock/gmock.h>

#include "tests/support/shards.h"

namespace blip2 {
namespace {

using ::testing::HasSubstr;
using testing::NamedBytes;
using testing::TemporaryFolder;

std::string pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 37 + size);
  return bytes;
}

std::span<const std::byte> span_of(const std::string& bytes) {
  return std::as_bytes(std::span(bytes));
}

std::vector<NamedBytes> some_members() {
  return {{"a.jpg", pattern(700)},
          {"deep/er/b.txt", ""},
          {fmt::format("{:d>90}/{:n>95}.png", "", ""), pattern(512)},
          {"caf\xc3\xa9 \xe6\x97\xa5.json", pattern(1)},
          {"z", pattern(5000)}};
}

TEST(TarIndex, FindsEveryByteInEachFormat) {
  for (const std::string format : {"ustar", "gnu", "pax"}) {
    const TemporaryFolder folder;
    const std::vector<NamedBytes> members = some_members();
    const std::string tar = read_file(testing::write_tar(folder, "x.tar", members, format));
    const TarIndex index = index_tar(span_of(tar));
    EXPECT_EQ(index.damage, "") << format;
    ASSERT_EQ(index.members.size(), members.size()) << format;
    for (size_t i = 0; i < members.size(); ++i) {
      EXPECT_EQ(index.members[i].name, members[i].name) << format;
      EXPECT_EQ(tar.substr(static_cast<size_t>(index.members[i].offset),
                           static_cast<size_t>(index.members[i].size)),
                members[i].bytes)
          << format << " " << members[i].name;
    }
  }
}

TEST(TarIndex, PassesOverFoldersAndLinks) {
  const TemporaryFolder folder;
  const std::string command = fmt::format(
      "cd '{}' && mkdir d && echo 1 > d/a && ln d/a d/b && ln -s a d/c && tar -cf x.tar d",
      folder.path().string());
  ASSERT_EQ(std::system(command.c_str()), 0);
  const TarIndex index = index_tar(span_of(read_file(folder / "x.tar")));
  ASSERT_EQ(index.members.size(), 1u);
  EXPECT_EQ(index.members[0].size, 2);
  EXPECT_EQ(index.damage, "");
}

TEST(TarIndex, ACutAnywhereKeepsWhatIsWholeAndSaysWhere) {
  const TemporaryFolder folder;
  const std::string whole = read_file(testing::write_tar(folder, "x.tar", some_members(), "gnu"));
  const TarIndex all = index_tar(span_of(whole));
  const auto end = static_cast<size_t>(all.members.back().offset + all.members.back().size);
  for (size_t size = 0; size < end; size += 97) {
    const std::string cut = whole.substr(0, size);
    const TarIndex index = index_tar(span_of(cut));
    size_t expected = 0;
    while (expected < all.members.size() &&
           all.members[expected].offset + all.members[expected].size <=
               static_cast<int64_t>(size)) {
      ++expected;
    }
    // An empty member that ends at the cut is whole, however its header came to be read.
    EXPECT_EQ(index.members.size(), expected) << size;
    EXPECT_NE(index.damage, "") << size;
  }
  const size_t padded = (end + 511) / 512 * 512;
  EXPECT_THAT(index_tar(span_of(whole.substr(0, padded))).damage,
              HasSubstr(fmt::format("no end of archive at byte {}", padded)));
  EXPECT_EQ(index_tar(span_of(whole.substr(0, padded + 512))).damage, "");
  EXPECT_THAT(
      index_tar(span_of(whole.substr(0, end - 1))).damage,
      HasSubstr(fmt::format("cut: z has 5000 bytes from byte {} on, the file ends at byte {}",
                            end - 5000, end - 1)));
}

TEST(TarIndex, ADamagedHeaderKeepsWhatIsBeforeIt) {
  const TemporaryFolder folder;
  std::string tar = read_file(testing::write_tar(folder, "x.tar", some_members()));
  const TarIndex all = index_tar(span_of(tar));
  const auto header = static_cast<size_t>(all.members[3].offset) - 512;
  tar[header + 124] = 'x';  // its size
  const TarIndex index = index_tar(span_of(tar));
  EXPECT_EQ(index.members.size(), 3u);
  EXPECT_THAT(index.damage, HasSubstr(fmt::format("damaged at byte {}", header)));
}

TEST(TarIndex, OtherBytesAreNoTar) {
  EXPECT_THAT(index_tar({}).damage, HasSubstr("empty file"));
  for (const std::string& bytes : {std::string("\x1f\x8b\x08 gzip"), std::string(2000, 'x')}) {
    const TarIndex index = index_tar(span_of(bytes));
    EXPECT_TRUE(index.members.empty());
    EXPECT_NE(index.damage, "");
  }
}

}  // namespace
}  // namespace blip2
