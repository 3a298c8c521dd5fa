// Magic bytes of what stands under the names of pictures in real data: other formats of pictures,
// pages of servers, archives, videos, pointers of Git LFS.
#include "blip2/image/foreign_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "blip2/base/quote.h"
#include "blip2/base/utf8.h"

namespace blip2::internal {
namespace {

using namespace std::string_view_literals;

struct Kind {
  size_t offset;
  std::string_view magic;
  std::string_view description;
};

constexpr std::string_view kConvert = "; convert it to JPEG or PNG";
constexpr std::string_view kExtract = "; extract it first";
constexpr std::string_view kNoAdvice = "";

struct KindGroup {
  std::string_view advice;
  std::span<const Kind> kinds;
};

constexpr Kind kPictures[] = {
    {4, "ftypheic", "a HEIC picture"},
    {4, "ftypheix", "a HEIC picture"},
    {4, "ftyphevc", "a HEIC picture"},
    {4, "ftyphevx", "a HEIC picture"},
    {4, "ftypheim", "a HEIC picture"},
    {4, "ftypheis", "a HEIC picture"},
    {4, "ftypmif1", "a HEIF picture"},
    {4, "ftypmsf1", "a HEIF picture"},
    {4, "ftypavif", "an AVIF picture"},
    {4, "ftypavis", "an AVIF picture"},
    {4, "ftypcrx", "a camera's raw picture"},
    {0, "\0\0\0\x0cjP  "sv, "a JPEG 2000 picture"},
    {0, "\xff\x4f\xff\x51", "a JPEG 2000 picture"},
    {0, "\0\0\0\x0cJXL "sv, "a JPEG XL picture"},
    {0, "\xff\x0a", "a JPEG XL picture"},
    {0, "II*\0"sv, "a TIFF picture"},
    {0, "MM\0*"sv, "a TIFF picture"},
    {0, "II+\0"sv, "a TIFF picture"},
    {0, "MM\0+"sv, "a TIFF picture"},
    {0, "8BPS", "a Photoshop document"},
    {0, "\0\0\1\0"sv, "an icon"},
    {0, "DDS ", "a DDS texture"},
    {0, "qoif", "a QOI picture"},
    {0, "\x76\x2f\x31\x01", "an OpenEXR picture"},
    {0, "P5\n", "a PNM picture"},
    {0, "P6\n", "a PNM picture"},
    {0, "%PDF-", "a PDF document"},
    {0, "%!PS", "a PostScript document"},
    {0, "\xc5\xd0\xd3\xc6", "a PostScript document"},
};

constexpr Kind kArchives[] = {
    {0, "\x1f\x8b", "a gzip archive"},
    {0, "PK\3\4", "a zip archive"},
    {0, "\x28\xb5\x2f\xfd", "a zstd archive"},
    {0,
     "\xfd"
     "7zXZ",
     "an xz archive"},
    {0, "BZh", "a bzip2 archive"},
    {0, "7z\xbc\xaf\x27\x1c", "a 7z archive"},
    {0, "Rar!", "a RAR archive"},
    {257, "ustar", "a tar archive"},
};

constexpr Kind kMedia[] = {
    {4, "ftyp", "a video"},
    {4, "moov", "a video"},
    {4, "mdat", "a video"},
    {0, "\x1a\x45\xdf\xa3", "a video"},
    {0, "FLV\1", "a video"},
    {0, "\0\0\1\xba"sv, "a video"},
    {0, "\0\0\1\xb3"sv, "a video"},
    {0, "\x30\x26\xb2\x75", "a video"},
    {8, "AVI LIST", "a video"},
    {8, "WAVEfmt", "sound"},
    {0, "OggS", "sound or a video"},
    {0, "ID3", "sound"},
    {0, "\x93NUMPY", "a NumPy array"},
    {0, "PAR1", "a Parquet table"},
    {0,
     "\x7f"
     "ELF",
     "a program"},
    {0, "\0\5\x16\7"sv, "what macOS keeps beside a file, and no picture"},
};

constexpr Kind kDamaged[] = {
    {0, "\x89PNG", "a PNG damaged by a transfer as text; copy it again as binary"},
    {0, "\xef\xbf\xbd\xef\xbf\xbd", "bytes that were read as text and replaced; copy it again"},
    {0, "\xef\xbf\xbdPNG", "a PNG damaged by a transfer as text; copy it again as binary"},
    {0, "/9j/", "a JPEG coded as base64; decode it first"},
    {0, "iVBORw0KGgo", "a PNG coded as base64; decode it first"},
    {0, "R0lGODlh", "a GIF coded as base64; decode it first"},
    {0, "data:image/", "a data URL; decode its base64 first"},
    {0, "version https://git-lfs.github.com/spec/",
     "a pointer of Git LFS, not the picture itself; run: git lfs pull"},
};

constexpr KindGroup kGroups[] = {
    {kNoAdvice, kDamaged}, {kConvert, kPictures}, {kExtract, kArchives}, {kNoAdvice, kMedia}};

std::optional<std::string> by_magic(std::string_view bytes) {
  for (const KindGroup& group : kGroups) {
    for (const Kind& kind : group.kinds) {
      if (bytes.size() >= kind.offset && bytes.substr(kind.offset).starts_with(kind.magic)) {
        return fmt::format("{}{}", kind.description, group.advice);
      }
    }
  }
  return std::nullopt;
}

std::string lower(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return lowered;
}

/// Markup, JSON or other text.
std::optional<std::string> by_text(std::string_view bytes) {
  constexpr size_t kShown = 60;
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  const size_t first = bytes.find_first_not_of(" \t\r\n");
  if (first == bytes.npos) return "nothing but white space";
  bytes.remove_prefix(first);
  const std::string start = lower(bytes.substr(0, 4096));
  const auto has = [&](std::string_view word) { return start.find(word) != start.npos; };
  if (start.starts_with("<svg") || (start[0] == '<' && has("<svg") && !has("<html"))) {
    return fmt::format("an SVG drawing{}", kConvert);
  }
  for (const std::string_view tag : {"<!doctype html", "<html", "<head", "<body", "<title"}) {
    if (start.starts_with(tag) || (start[0] == '<' && has(tag))) {
      return "an HTML page; the server sent it in place of the picture, so download it again";
    }
  }
  const bool is_control = std::ranges::any_of(start, [](char c) {
    return (static_cast<unsigned char>(c) < 32 && c != '\t' && c != '\r' && c != '\n') ||
           c == '\x7f';
  });
  if (is_control || !is_valid_utf8(bytes.substr(0, bytes.size() > 4096 ? 0 : bytes.size()))) {
    return std::nullopt;
  }
  const std::string shown = quote(std::string(bytes.substr(0, kShown)));
  const std::string_view kind = start.starts_with("<?xml") || start[0] == '<' ? "XML"
                                : start[0] == '{' || start[0] == '['          ? "JSON"
                                                                              : "text";
  return fmt::format("{} that begins with {}; download or copy the picture again", kind, shown);
}

}  // namespace

std::string describe_foreign_file(std::span<const uint8_t> bytes) {
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (all.empty()) return "no bytes; download or copy the picture again";
  if (const auto found = by_magic(all)) return *found;
  if (all.find_first_not_of('\0') == all.npos) {
    return fmt::format("{} zero bytes; download or copy the picture again", all.size());
  }
  if (const auto found = by_text(all)) return *found;
  std::string first;
  for (size_t i = 0; i < std::min<size_t>(bytes.size(), 8); ++i) {
    first += fmt::format("{}{:02x}", i == 0 ? "" : " ", bytes[i]);
  }
  return fmt::format("{} bytes that begin with {}", bytes.size(), first);
}

}  // namespace blip2::internal
