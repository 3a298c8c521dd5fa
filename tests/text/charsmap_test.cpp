#include "blip2/text/charsmap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

using ::testing::HasSubstr;

std::string little_endian(uint32_t value) {
  std::string bytes;
  for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(value >> shift));
  return bytes;
}

constexpr uint32_t kLeaf = 1u << 8, kValue = 1u << 31;

// A map of "a" to "xy" and of "c" to nothing: the root's children lie from unit 256 on.
std::vector<uint32_t> small_trie() {
  std::vector<uint32_t> units(768);
  units[0] = 256u << 10;
  units[256 + 'a'] = 'a' | kLeaf | ((256u + 'a') ^ 512u) << 10;
  units[512] = kValue | 0;
  units[256 + 'c'] = 'c' | kLeaf | ((256u + 'c') ^ 768u) << 10;
  units.resize(1024);
  units[768] = kValue | 2;
  return units;
}

std::string blob(const std::vector<uint32_t>& units, const std::string& texts) {
  std::string bytes = little_endian(static_cast<uint32_t>(4 * units.size()));
  for (const uint32_t unit : units) bytes += little_endian(unit);
  return bytes + texts;
}

const std::string kTexts("xy\0\0", 4);

void expect_refused(const std::string& bytes, const std::string& part_of_message) {
  try {
    const Charsmap charsmap(bytes, "map");
    ADD_FAILURE() << "accepted, but: " << part_of_message;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
    EXPECT_THAT(error.what(), HasSubstr(part_of_message));
  }
}

TEST(Charsmap, ShortClustersAreReplacedAsAWhole) {
  const Charsmap charsmap(blob(small_trie(), kTexts), "map");
  EXPECT_EQ(charsmap.normalize("abca"), "xybxy");
  EXPECT_EQ(charsmap.normalize(""), "");
  EXPECT_EQ(charsmap.normalize("a\u0301b"), "xyb");  // the mark goes with its letter,
  EXPECT_EQ(charsmap.normalize("a\u0301\u0302\u0303"), "xy\u0301\u0302\u0303");  // unless long
  EXPECT_EQ(charsmap.normalize("\u0301a"), "\u0301xy");
  EXPECT_EQ(charsmap.normalize(std::string("\0a", 2)), std::string("\0xy", 3));
}

TEST(Charsmap, Lies) {
  const std::string sound = blob(small_trie(), kTexts);
  for (const size_t size : {size_t{0}, size_t{3}, size_t{4}, size_t{100}, sound.size() - 5}) {
    expect_refused(sound.substr(0, size), "within");
  }
  expect_refused(sound.substr(0, sound.size() - 1) + "z", "ended by a NUL");
  expect_refused(sound.substr(0, sound.size() - 2) + std::string("\xff\0", 2), "UTF-8");
  expect_refused(little_endian(6) + std::string(20, '\0'), "units of 4 bytes");
  expect_refused(little_endian(0xfffffffc) + std::string(20, '\0'), "a length of 4294967292");
  const auto refuse = [](size_t unit, uint32_t value, const std::string& message) {
    std::vector<uint32_t> units = small_trie();
    units[unit] = value;
    expect_refused(blob(units, kTexts), message);
  };
  refuse(512, kValue | 4, "found one at 4");
  refuse(512, 0x7fffffff, "found one at 2147483647");
  refuse(0, 4096u << 10, "found them at 4096");
  refuse(256 + 'a', 'a' | 0x1fffffu << 10, "within 1024 units");
  // "a" leads to itself: from unit 353 its children lie where the root's do.
  refuse(256 + 'a', 'a' | static_cast<uint32_t>('a') << 10, "cycle");
}

}  // namespace
}  // namespace blip2
