// Base64 both ways, and what is refused.
#include "blip2/base/base64.h"

#include <gtest/gtest.h>

#include <string>

namespace blip2 {
namespace {

void expect_pair(const std::string& bytes, const std::string& text) {
  EXPECT_EQ(encode_base64(bytes), text);
  EXPECT_EQ(decode_base64(text), bytes);
}

// The vectors of RFC 4648, section 10.
TEST(Base64, TheVectorsOfTheStandard) {
  expect_pair("", "");
  expect_pair("f", "Zg==");
  expect_pair("fo", "Zm8=");
  expect_pair("foo", "Zm9v");
  expect_pair("foob", "Zm9vYg==");
  expect_pair("fooba", "Zm9vYmE=");
  expect_pair("foobar", "Zm9vYmFy");
  expect_pair("\xFB\xFF\xBF", "+/+/");
}

TEST(Base64, EveryByteRoundTrips) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
  EXPECT_EQ(decode_base64(encode_base64(bytes)), bytes);
}

TEST(Base64, OtherTextIsRefused) {
  for (const char* text : {"Zg", "Zg=", "Z===", "Zm9v\n", "Zm9*", "Zm=v", "Zh=="}) {
    EXPECT_EQ(decode_base64(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace blip2
