#include "blip2/image/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "blip2/base/error.h"
#include "blip2/base/random.h"
#include "tests/image/golden.h"
#include "tests/support/assets.h"

namespace blip2 {
namespace {

using testing::golden_picture;
using testing::hash;
using ::testing::HasSubstr;
using testing::read_table;

Image decode_string(const std::string& bytes, const std::string& name,
                    const DecodeOptions& options = {}) {
  return decode(std::as_bytes(std::span(bytes)), name, options);
}

ImageRgba decode_rgba_string(const std::string& bytes, const std::string& name) {
  return decode_rgba(std::as_bytes(std::span(bytes)), name);
}

/// The error that decoding must end in.
Error error_of(const std::string& bytes, const std::string& name,
               const DecodeOptions& options = {}) {
  try {
    decode_string(bytes, name, options);
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr(name));
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error;
  }
  ADD_FAILURE() << name << " was decoded";
  return Error(ErrorCode::kInternal, "decoded");
}

TEST(Decode, EqualsPillow) {
  const auto rows = read_table("decode.tsv");
  EXPECT_GE(rows.size(), 230U);
  for (const auto& row : rows) {
    SCOPED_TRACE(row[0]);
    const std::string bytes = golden_picture(row[0]);
    const Image image = decode_string(bytes, row[0]);
    EXPECT_EQ(image.width, std::stoi(row[1]));
    EXPECT_EQ(image.height, std::stoi(row[2]));
    EXPECT_EQ(hash(image.rgb), row[3]);
    const ImageRgba rgba = decode_rgba_string(bytes, row[0]);
    EXPECT_EQ(rgba.width, image.width);
    EXPECT_EQ(rgba.height, image.height);
    if (row[4] != "-") {
      EXPECT_EQ(hash(rgba.rgba), row[4]);
    }
  }
}

// The PNG standard, 11.3.2.1: samples equal to the key at the file's own depth are transparent. The
// script takes the keys from (x 3, y 2) of grey pictures and (x 5, y 4) of coloured ones.
TEST(Decode, PngKeyIsComparedAtTheFilesDepth) {
  for (const std::string name : {"png_grey4_key.png", "png_grey16_key.png", "png_rgb16_key.png"}) {
    SCOPED_TRACE(name);
    const ImageRgba image = decode_rgba_string(golden_picture(name), name);
    const size_t at = name == "png_rgb16_key.png" ? 4 * 12 + 5 : 2 * 12 + 3;
    EXPECT_EQ(image.rgba[4 * at + 3], 0);
    std::set<std::vector<uint8_t>> clear, opaque;
    for (size_t i = 0; i < image.rgba.size(); i += 4) {
      const std::vector<uint8_t> colour(&image.rgba[i], &image.rgba[i] + 3);
      (image.rgba[i + 3] == 0 ? clear : opaque).insert(colour);
    }
    EXPECT_EQ(clear.size(), 1U);
    EXPECT_GT(opaque.size(), 2U);
  }
}

// JPEG, PNG and WebP, by EXIF, raw profiles and XMP: Pillow's ImageOps.exif_transpose.
TEST(Decode, TurnsUprightByExif) {
  const auto rows = read_table("upright.tsv");
  EXPECT_GE(rows.size(), 80U);
  for (const auto& row : rows) {
    SCOPED_TRACE(row[0]);
    DecodeOptions options;
    options.exif_rotate = true;
    const Image image = decode_string(golden_picture(row[0]), row[0], options);
    EXPECT_EQ(image.width, std::stoi(row[1]));
    EXPECT_EQ(image.height, std::stoi(row[2]));
    EXPECT_EQ(hash(image.rgb), row[3]);
  }
}

TEST(Decode, RefusesWhatPillowRefuses) {
  const auto rows = read_table("refused.tsv");
  EXPECT_GE(rows.size(), 15U);
  for (const auto& row : rows) {
    SCOPED_TRACE(row[0]);
    const ErrorCode code = error_of(golden_picture(row[0]), row[0]).code();
    EXPECT_TRUE(code == ErrorCode::kCorruptData || code == ErrorCode::kUnsupported);
  }
}

/// A range of a row of cut.tsv, "first-last:hash".
struct Beginnings {
  size_t first, last;
  std::string pixels;
};

std::vector<Beginnings> beginnings_of(const std::vector<std::string>& row) {
  std::vector<Beginnings> ranges;
  for (size_t i = 1; i < row.size(); ++i) {
    const size_t dash = row[i].find('-'), colon = row[i].find(':');
    ranges.push_back({std::stoul(row[i]), std::stoul(row[i].substr(dash + 1, colon - dash - 1)),
                      row[i].substr(colon + 1)});
  }
  return ranges;
}

// A file that lost its last bytes is a picture where Pillow says so, with Pillow's pixels.
TEST(Decode, EveryBeginningOfAFileIsAsInPillow) {
  ::testing::internal::CaptureStderr();
  const auto rows = read_table("cut.tsv");
  EXPECT_EQ(rows.size(), read_table("decode.tsv").size());
  for (const auto& row : rows) {
    SCOPED_TRACE(row[0]);
    const std::string bytes = golden_picture(row[0]);
    const std::vector<Beginnings> ranges = beginnings_of(row);
    for (size_t length = 0; length < bytes.size(); ++length) {
      const auto range = std::ranges::find_if(
          ranges, [&](const Beginnings& at) { return at.first <= length && length <= at.last; });
      try {
        const Image image = decode_string(bytes.substr(0, length), row[0]);
        EXPECT_NE(range, ranges.end()) << length << " bytes are decoded";
        if (range != ranges.end()) {
          EXPECT_EQ(hash(image.rgb), range->pixels) << length;
        }
      } catch (const Error& error) {
        EXPECT_EQ(range, ranges.end()) << length << " bytes: " << error.what();
        EXPECT_EQ(error.code(), ErrorCode::kCorruptData) << error.what();
        EXPECT_THAT(error.what(), HasSubstr(row[0]));
      }
    }
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

// Damaged bytes give a picture or an Error, never a crash; tests/image also runs under sanitizers.
TEST(Decode, SurvivesDamage) {
  ::testing::internal::CaptureStderr();
  const char* rounds = std::getenv("BLIP2_DAMAGE_ROUNDS");
  const int num_rounds = rounds != nullptr ? std::atoi(rounds) : 60;
  DecodeOptions options;
  options.max_pixels = 1 << 22;  // a flipped bit in a header must not make the test slow
  options.exif_rotate = true;
  size_t num_errors = 0, num_decoded = 0;
  for (const auto& row : read_table("decode.tsv")) {
    const std::string bytes = golden_picture(row[0]);
    for (int round = 0; round < num_rounds; ++round) {
      Random random(1, row[0], static_cast<uint64_t>(round));
      std::string damaged = bytes;
      for (uint64_t i = random.below(4) + 1; i > 0; --i) {
        const size_t at =
            random.below(round % 2 == 0 ? std::min<size_t>(bytes.size(), 80) : bytes.size());
        damaged[at] = static_cast<char>(random.bits());
      }
      try {
        const Image image = decode_string(damaged, row[0], options);
        EXPECT_EQ(image.rgb.size(), static_cast<size_t>(image.width * image.height * 3));
        ++num_decoded;
      } catch (const Error& error) {
        EXPECT_TRUE(error.code() == ErrorCode::kCorruptData ||
                    error.code() == ErrorCode::kUnsupported);
        ++num_errors;
      }
    }
  }
  EXPECT_GT(num_errors, 0U);
  EXPECT_GT(num_decoded, 0U);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

std::string patched(std::string bytes, size_t at, const std::vector<uint8_t>& with) {
  for (size_t i = 0; i < with.size(); ++i) bytes.at(at + i) = static_cast<char>(with[i]);
  return bytes;
}

TEST(Decode, RefusesTooManyPixelsByTheHeader) {
  const std::string jpeg = golden_picture("jpeg_8x8_s0.jpg");
  const size_t frame = jpeg.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  const std::string progressive = golden_picture("jpeg_progressive.jpg");
  const size_t progressive_frame = progressive.find("\xff\xc2");
  ASSERT_NE(progressive_frame, std::string::npos);
  const std::string canvas = golden_picture("webp_part_of_canvas_alpha.webp");
  const std::vector<std::pair<std::string, std::string>> bombs = {
      {"bomb.jpg", patched(jpeg, frame + 5, {0xff, 0xdc, 0xff, 0xdc})},
      {"progressive.jpg", patched(progressive, progressive_frame + 5, {0xff, 0xdc, 0xff, 0xdc})},
      {"bomb.gif", patched(golden_picture("gif_plain.gif"), 6, {0xff, 0xff, 0xff, 0xff})},
      {"bomb.bmp", patched(golden_picture("bmp_24.bmp"), 18, {0, 0, 0, 0x10, 0, 0, 0, 0x10})},
      {"bomb.webp", patched(canvas, 24, {0xff, 0xff, 0x00, 0xff, 0x7f, 0x00})},
  };
  for (const auto& [name, bytes] : bombs) {
    SCOPED_TRACE(name);
    const Error error = error_of(bytes, name);
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("89478485"));
  }
}

TEST(Decode, RefusesAHugePngByItsHeader) {
  // The checksum of the header must hold, so this one is whole: 100,000 x 100,000, made with
  // zlib.crc32.
  std::string png = golden_picture("png_type0_1bit.png");
  const std::string header("\x00\x01\x86\xa0\x00\x01\x86\xa0\x01\x00\x00\x00\x00", 13);
  uint32_t crc = 0xffffffffU;
  for (const char c : "IHDR" + header) {
    crc ^= static_cast<uint8_t>(c);
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320U : 0);
  }
  crc = ~crc;
  png.replace(16, 13, header);
  png = patched(png, 29,
                {static_cast<uint8_t>(crc >> 24), static_cast<uint8_t>(crc >> 16),
                 static_cast<uint8_t>(crc >> 8), static_cast<uint8_t>(crc)});
  const Error error = error_of(png, "bomb.png");
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(error.what(), HasSubstr("100000 x 100000"));
}

// A transparent colour that stands before the header, where its length cannot be judged, has no
// effect where it is too short.
TEST(Decode, PngKeyBeforeTheHeaderIsReadWithinItsBytes) {
  const std::string png = golden_picture("png_damaged_small_pieces.png");  // RGB, 8 bits
  const std::string key("\0\0\0\2tRNS\0\1\x0d\x7e\x3e\xb1", 14);
  std::string moved = png;
  moved.insert(8, key);
  uint32_t crc = 0xffffffffU;
  for (const char c : key.substr(4, 6)) {
    crc ^= static_cast<uint8_t>(c);
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320U : 0);
  }
  for (size_t i = 0; i < 4; ++i) moved[18 + i] = static_cast<char>(~crc >> (24 - 8 * i));
  EXPECT_EQ(decode_rgba_string(moved, "key.png").rgba, decode_rgba_string(png, "key.png").rgba);
}

TEST(Decode, MaxPixelsIsTheUsers) {
  const std::string bytes = golden_picture("png_pillow.png");  // 40 x 30
  DecodeOptions options;
  options.max_pixels = 1200;
  EXPECT_EQ(decode_string(bytes, "a.png", options).width, 40);
  options.max_pixels = 1199;
  EXPECT_EQ(error_of(bytes, "a.png", options).code(), ErrorCode::kUnsupported);
}

// A progressive JPEG whose last scan stands in it ten thousand times would be decoded as often.
TEST(Decode, RefusesAJpegOfThousandsOfScans) {
  const std::string bytes = golden_picture("jpeg_grey_progressive.jpg");
  const size_t last_scan = bytes.rfind("\xff\xda");
  ASSERT_NE(last_scan, std::string::npos);
  std::string bomb = bytes.substr(0, bytes.size() - 2);
  const std::string scan = bomb.substr(last_scan);
  for (int i = 0; i < 10'000; ++i) bomb += scan;
  bomb += "\xff\xd9";
  const Error error = error_of(bomb, "scans.jpg");
  EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
  EXPECT_THAT(error.what(), HasSubstr("scans"));
}

TEST(Decode, RealPhotographs) {
  const auto folder = testing::asset("photographs");
  struct Expected {
    const char* name;
    int width, height;
    const char* rgb;
  };
  // Hashes of Pillow's `Image.open(f).convert("RGB")`.
  for (const Expected& expected : {Expected{"coffee.png", 600, 400, "d261c1b91ef6ee1e"},
                                   Expected{"chelsea.png", 451, 300, "b2179687966157a8"},
                                   Expected{"rocket.jpg", 640, 427, "34b9b35d9b0edb19"}}) {
    ASSERT_TRUE(std::filesystem::exists(folder / expected.name))
        << folder / expected.name << " is missing: run tools/fetch_assets";
    const Image image = decode_string(read_file(folder / expected.name), expected.name);
    EXPECT_EQ(image.width, expected.width);
    EXPECT_EQ(image.height, expected.height);
    EXPECT_EQ(hash(image.rgb), expected.rgb) << expected.name;
  }
}

}  // namespace
}  // namespace blip2
