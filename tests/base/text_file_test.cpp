// Texts from users' files: byte order marks, encodings, lines.
#include "blip2/base/text_file.h"

#include <gmock/gmock.h>

#include "blip2/base/utf8.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace blip2 {
namespace {
using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

/// The bytes that Python's "a é 😀\n".encode() gives, with a byte order mark.
struct Encoded {
  const char* name;
  std::string bytes;
};

std::vector<Encoded> encodings() {
  return {{"utf-8", "a \xc3\xa9 \xf0\x9f\x98\x80\n"},
          {"utf-8-sig",
           "\xef\xbb\xbf"
           "a \xc3\xa9 \xf0\x9f\x98\x80\n"},
          {"utf-16-le",
           "\xff\xfe"
           "a\0 \0\xe9\0 \0\x3d\xd8\x00\xde\n\0"s},
          {"utf-16-be", "\xfe\xff\0a\0 \0\xe9\0 \xd8\x3d\xde\x00\0\n"s},
          {"utf-32-le", "\xff\xfe\0\0a\0\0\0 \0\0\0\xe9\0\0\0 \0\0\0\x00\xf6\x01\0\n\0\0\0"s},
          {"utf-32-be", "\0\0\xfe\xff\0\0\0a\0\0\0 \0\0\0\xe9\0\0\0 \0\x01\xf6\x00\0\0\0\n"s}};
}

TEST(TextFile, EveryMarkedEncodingIsTheSameText) {
  const TemporaryFolder folder;
  for (const Encoded& encoded : encodings()) {
    SCOPED_TRACE(encoded.name);
    EXPECT_EQ(decode_text(encoded.bytes), "a \u00e9 \U0001F600\n");
    const auto path = folder.write(encoded.name, encoded.bytes);
    EXPECT_EQ(read_text_file(path), "a \u00e9 \U0001F600\n");
    EXPECT_EQ(TextFile(path).text(), "a \u00e9 \U0001F600\n");
  }
  EXPECT_EQ(TextFile(folder.write("empty", "")).text(), "");
  EXPECT_EQ(decode_text("\xef\xbb\xbf"), "");
}

TEST(TextFile, WhatCannotBeDecodedIsTheFaultOfItsLine) {
  const std::string text = decode_text(
      "\xff\xfe"
      "a\0\n\0\x00\xd8\n\0b\0\n\0c"s);
  const auto lines = split_lines(text);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0], "a");
  EXPECT_FALSE(is_valid_utf8(lines[1]));
  EXPECT_EQ(lines[2], "b");
  EXPECT_FALSE(is_valid_utf8(lines[3]));
}

TEST(TextFile, LinesEndAsOnAnySystem) {
  EXPECT_THAT(split_lines("a\nb\r\nc\rd"), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(split_lines("a\n\n\r\n"), ElementsAre("a", "", ""));
  EXPECT_THAT(split_lines(""), ElementsAre());
  EXPECT_THAT(split_lines("\n"), ElementsAre(""));
}

TEST(TextFile, OtherBytesAreNamed) {
  require_utf8("h\xc3\xa9", "x");
  const auto [code, message] = testing::error_of([] { require_utf8("caf\xe9", "a.txt:3"); });
  EXPECT_EQ(code, ErrorCode::kCorruptData);
  EXPECT_EQ(message, "a.txt:3: expected text in UTF-8, found other bytes (0xe9 at byte 3)");
  EXPECT_THAT(testing::error_of([] { require_text("a\0b\0"s, "a.txt"); }).second,
              HasSubstr("UTF-16 without a byte order mark"));
}

}  // namespace
}  // namespace blip2
