#include "blip2/image/foreign_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "blip2/base/error.h"
#include "blip2/image/decode.h"

namespace blip2 {
namespace {

using namespace std::string_view_literals;
using ::testing::HasSubstr;

std::string message_of(std::string_view bytes) {
  try {
    decode(std::as_bytes(std::span(bytes)), "0.jpg");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
    return error.what();
  }
  return "decoded";
}

// What stands under the name of a JPEG in real data, by the first bytes of its format.
TEST(ForeignFile, IsNamedWithWhatToDo) {
  struct Example {
    std::string_view bytes, kind, advice;
  };
  const std::string tar = std::string(257, 'a') + "ustar";
  const Example examples[] = {
      {"", "no bytes", "again"},
      {"\0\0\0\x18"
       "ftypheic\0\0\0\0mif1heic"sv,
       "a HEIC picture", "convert it"},
      {"\0\0\0\x18"
       "ftypmif1\0\0\0\0mif1heic"sv,
       "a HEIF picture", "convert it"},
      {"\0\0\0\x1c"
       "ftypavif\0\0\0\0"sv,
       "an AVIF picture", "convert it"},
      {"\0\0\0\x1c"
       "ftypisom\0\0\2\0"sv,
       "a video", ""},
      {"\x1a\x45\xdf\xa3\x01"sv, "a video", ""},
      {"II*\0\x08\0\0\0"sv, "a TIFF picture", "convert it"},
      {"MM\0*\0\0\0\x08"sv, "a TIFF picture", "convert it"},
      {"%PDF-1.7\n", "a PDF document", "convert it"},
      {"\x1f\x8b\x08\0"sv, "a gzip archive", "extract it"},
      {"PK\3\4\x14\0"sv, "a zip archive", "extract it"},
      {tar, "a tar archive", "extract it"},
      {"<html>", "an HTML page", "download it again"},
      {" \n<!DOCTYPE HTML PUBLIC>", "an HTML page", "download it again"},
      {"\xef\xbb\xbf<!-- a --><html lang=en>", "an HTML page", "download it again"},
      {"<?xml version='1.0'?><!DOCTYPE html><html/>", "an HTML page", "download it again"},
      {"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing", "convert it"},
      {"<?xml version='1.0'?>\n<!-- a -->\n<svg/>", "an SVG drawing", "convert it"},
      {"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML", "AccessDenied"},
      {"{\"error\": \"not found\"}", "JSON", "not found"},
      {"Not Found\n", "text", "Not Found"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n", "Git LFS",
       "git lfs pull"},
      {"\xff\xd8", "2 bytes that begin with ff d8", ""},
      {"\x89PNG\n\x1a\n"sv, "a PNG damaged by a transfer as text", "again"},
      {"/9j/4AAQSkZJRgABAQ==", "a JPEG coded as base64", "decode it"},
      {"\0\0\0\0\0\0\0\0"sv, "8 zero bytes", "again"},
      {"\0\5\x16\7\0\2\0\0"sv, "macOS", ""},
      {"RIFF\x24\0\0\0AVI LIST"sv, "a video", ""},
      {"\xff\x0a\x90\x9c"sv, "a JPEG XL picture", "convert it"},
      {"\0\0\0\x0cjP  \r\n\x87\n"sv, "a JPEG 2000 picture", "convert it"},
  };
  for (const Example& example : examples) {
    const std::string message = message_of(example.bytes);
    EXPECT_THAT(message, ::testing::StartsWith("0.jpg: expected a JPEG, PNG, WebP, GIF or BMP "
                                               "picture, found "));
    EXPECT_THAT(message, HasSubstr(example.kind));
    EXPECT_THAT(message, HasSubstr(example.advice));
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
}

TEST(ForeignFile, UnknownBytesAreShown) {
  EXPECT_EQ(internal::describe_foreign_file(
                std::array<uint8_t, 9>{0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 5}),
            "9 bytes that begin with de ad be ef 01 02 03 04");
}

}  // namespace
}  // namespace blip2
