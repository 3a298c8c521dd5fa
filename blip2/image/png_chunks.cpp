// Walking the chunks, and the orientation that eXIf, text and XMP chunks state.
#include "blip2/image/png_chunks.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "blip2/image/codecs.h"

namespace blip2::internal {
namespace {

using namespace std::string_view_literals;

constexpr size_t kMostTextBytes = 1 << 20;  // of a compressed text or profile
constexpr size_t kMostTextMemory = size_t{64} << 20;
constexpr size_t kBlockBytes = 65536;

uint32_t big_endian(std::span<const uint8_t> bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | bytes[at + i];
  return value;
}

std::string_view text_of(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/// Fewest bytes of a chunk that Pillow reads numbers from.
size_t least_bytes(std::string_view name, const PngHeader& header) {
  constexpr std::array<std::pair<std::string_view, size_t>, 7> kLeast = {{{"IHDR", 13},
                                                                          {"gAMA", 4},
                                                                          {"cHRM", 32},
                                                                          {"sRGB", 1},
                                                                          {"pHYs", 9},
                                                                          {"acTL", 8},
                                                                          {"fcTL", 26}}};
  if (name == "tRNS") return header.colour_type == 2 ? 6 : header.colour_type == 0 ? 2 : 0;
  const auto found = std::ranges::find(kLeast, name, [](const auto& entry) { return entry.first; });
  return found == kLeast.end() ? 0 : found->second;
}

/// The bytes that hexadecimal digits stand for, after the three lines before them; nothing where
/// they are something else.
std::string profile_bytes(std::string_view text) {
  for (int i = 0; i < 3; ++i) {
    const size_t end = text.find('\n');
    if (end == text.npos) return "";
    text.remove_prefix(end + 1);
  }
  std::string bytes;
  int high = -1;
  for (const char c : text) {
    const size_t digit =
        "0123456789abcdef"sv.find(c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c);
    if (digit == std::string_view::npos) {
      if (high < 0 && " \t\n\r\v\f"sv.find(c) != std::string_view::npos) continue;
      return "";
    }
    if (high >= 0) bytes += static_cast<char>(high * 16 + static_cast<int>(digit));
    high = high < 0 ? static_cast<int>(digit) : -1;
  }
  return high < 0 ? bytes : "";
}

}  // namespace

PngChunks::PngChunks(const Source& source) : source_(source) {
  for (Chunk chunk;;) {
    if (!read_chunk(chunk)) fail("a broken chunk");
    if (chunk.name == "IDAT") {
      pixels_left_ = chunk.length;
      break;
    }
    std::span<const uint8_t> content;
    if (!handle(chunk, content)) fail("no pixels");
    check_crc(chunk, content);
  }
  if (header_.width == 0) fail("no header");
  if (num_frames_ > 0 && !has_frame_) ++num_frames_;  // the first is not part of the animation
  is_animated_ = num_frames_ > 1;
}

void PngChunks::fail(const std::string& found) const { fail_damaged(source_, "PNG", found); }

bool PngChunks::read_chunk(Chunk& chunk) {
  const std::span<const uint8_t> left = source_.bytes.subspan(position_);
  if (left.size() < 8) return false;
  chunk.length = big_endian(left, 0);
  chunk.name = text_of(left.subspan(4, 4));
  position_ += 8;
  return std::ranges::all_of(chunk.name, is_word);
}

std::span<const uint8_t> PngChunks::read_content(const Chunk& chunk, size_t least) {
  if (chunk.length > source_.bytes.size() - position_) fail("the data end early");
  if (chunk.length < least) fail("a chunk " + chunk.name + " that is too short");
  const std::span<const uint8_t> content = source_.bytes.subspan(position_, chunk.length);
  position_ += chunk.length;
  return content;
}

void PngChunks::check_crc(const Chunk& chunk, std::span<const uint8_t> content) {
  if (source_.bytes.size() - position_ < 4) fail("the data end early");
  const auto* const name = reinterpret_cast<const uint8_t*>(chunk.name.data());
  const uLong crc = crc32(crc32(0, name, 4), content.data(), static_cast<uInt>(content.size()));
  if (content.empty() ? crc32(0, name, 4) != big_endian(source_.bytes, position_)
                      : crc != big_endian(source_.bytes, position_)) {
    fail("a wrong checksum of chunk " + chunk.name);
  }
  position_ += 4;
}

/// Reads a chunk that holds no pixels; false at the end of the picture.
bool PngChunks::handle(const Chunk& chunk, std::span<const uint8_t>& content) {
  if (chunk.name == "IEND") return false;
  content = read_content(chunk, least_bytes(chunk.name, header_));
  if (chunk.name == "IHDR") handle_header(content);
  if (chunk.name == "PLTE" && header_.colour_type == 3) header_.palette = content;
  if (chunk.name == "tRNS") header_.transparency = content;
  if (chunk.name == "iCCP" || chunk.name == "zTXt" || chunk.name == "tEXt") {
    handle_text(chunk, text_of(content));
  }
  if (chunk.name == "iTXt") handle_international_text(text_of(content));
  if (chunk.name == "eXIf") {
    stated_.exif = text_of(content);
    has_exif_ = true;
  }
  if (chunk.name == "acTL") {
    const uint32_t count = big_endian(content, 0);
    num_frames_ = num_frames_ > 0 || count > 0x80000000U ? 0 : count;
  }
  if (chunk.name == "fcTL") handle_frame(content);
  return true;
}

void PngChunks::handle_header(std::span<const uint8_t> content) {
  header_.width = big_endian(content, 0);
  header_.height = big_endian(content, 4);
  header_.depth = content[8];
  header_.colour_type = content[9];
  header_.is_interlaced = content[12] != 0;
  if (content[11] != 0) fail("an unknown method of filters");
  const int depth = header_.depth, type = header_.colour_type;
  const bool is_byte = depth == 8 || depth == 16;
  const bool is_small = depth == 1 || depth == 2 || depth == 4;
  const bool is_known = type == 0                             ? is_byte || is_small
                        : type == 3                           ? depth == 8 || is_small
                        : type == 2 || type == 4 || type == 6 ? is_byte
                                                              : false;
  if (!is_known) fail(fmt::format("colour type {} of {} bits", type, depth));
  check_size(source_, header_.width, header_.height);
}

/// A text's bytes, at most kMostTextBytes; what was read of one that ends early, as Python's
/// decompressobj has it.
std::string PngChunks::inflate_text(std::string_view compressed, const char* name,
                                    bool& is_broken) const {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) fail("zlib does not start");
  std::string text;
  std::array<char, 4096> block;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  int status = Z_OK;
  bool is_too_long = false;
  while (status == Z_OK && !is_too_long) {
    const size_t room = std::min(block.size(), kMostTextBytes - text.size());
    is_too_long = room == 0 && stream.avail_in > 0;
    if (room == 0) break;
    stream.next_out = reinterpret_cast<Bytef*>(block.data());
    stream.avail_out = static_cast<uInt>(room);
    status = inflate(&stream, Z_SYNC_FLUSH);
    text.append(block.data(), room - stream.avail_out);
  }
  inflateEnd(&stream);
  if (is_too_long) fail(fmt::format("a chunk {} of more than {} bytes", name, kMostTextBytes));
  is_broken = status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR;
  return text;
}

/// tEXt, zTXt and iCCP: a name, a zero, in the compressed ones a method, and the content.
void PngChunks::handle_text(const Chunk& chunk, std::string_view content) {
  const size_t end = content.find('\0');
  const std::string_view key = content.substr(0, end);
  std::string_view value = end == content.npos ? ""sv : content.substr(end + 1);
  if (chunk.name == "tEXt") return set_text(key, std::string(value), false);
  if (chunk.name == "iCCP" && end == content.npos) value = content;
  if (chunk.name == "iCCP" && value.empty()) fail("an empty profile");
  if (!value.empty() && value[0] != 0) fail("an unknown compression in chunk " + chunk.name);
  bool is_broken = false;
  std::string text =
      inflate_text(value.empty() ? value : value.substr(1), chunk.name.c_str(), is_broken);
  if (chunk.name == "zTXt") set_text(key, is_broken ? "" : std::move(text), true);
}

/// iTXt: name, 0, compressed, method, language, 0, translated name, 0, text.
void PngChunks::handle_international_text(std::string_view content) {
  const size_t end = content.find('\0');
  if (end == content.npos || content.size() < end + 3) return;
  const std::string_view key = content.substr(0, end);
  const bool is_compressed = content[end + 1] != 0;
  const bool is_deflate = content[end + 2] == 0;
  const size_t language_end = content.find('\0', end + 3);
  if (language_end == content.npos) return;
  const size_t name_end = content.find('\0', language_end + 1);
  if (name_end == content.npos || (is_compressed && !is_deflate)) return;
  std::string text(content.substr(name_end + 1));
  bool is_broken = false;
  if (is_compressed) text = inflate_text(std::string(text), "iTXt", is_broken);
  if (!is_broken) set_text(key, std::move(text), true);
}

void PngChunks::set_text(std::string_view key, std::string text, bool is_compressed) {
  if (key.empty()) return;
  text_bytes_ += text.size();
  if (text_bytes_ > kMostTextMemory) fail("more than 64 MiB of text");
  if (key == "exif" && !is_compressed) {
    stated_.exif = std::move(text);
    has_exif_ = true;
  } else if (key == "Raw profile type exif") {
    raw_profile_ = std::move(text);
  } else if (key == "XML:com.adobe.xmp") {
    xmp_text_ = std::move(text);
  }
}

void PngChunks::handle_frame(std::span<const uint8_t> content) {
  if (big_endian(content, 0) != last_sequence_ + 1) fail("frames out of sequence");
  ++last_sequence_;
  const uint64_t right = uint64_t{big_endian(content, 4)} + big_endian(content, 12);
  const uint64_t bottom = uint64_t{big_endian(content, 8)} + big_endian(content, 16);
  if (right > header_.width || bottom > header_.height) fail("a frame larger than the picture");
  has_frame_ = true;
}

std::span<const uint8_t> PngChunks::next_pixels() {
  while (pixels_left_ == 0) {
    skip(4);  // the checksum
    if (!read_chunk(next_)) fail("the data end early");
    if (next_.name != "IDAT") {
      is_pushed_back_ = true;
      return {};
    }
    pixels_left_ = next_.length;
  }
  const size_t asked = std::min(pixels_left_, kBlockBytes);
  pixels_left_ -= asked;
  const size_t count = std::min(asked, source_.bytes.size() - position_);
  const std::span<const uint8_t> block = source_.bytes.subspan(position_, count);
  position_ += count;
  return block;
}

void PngChunks::read_rest() {
  BLIP2_CHECK(!is_pushed_back_);
  skip(pixels_left_);
  for (Chunk chunk;;) {
    skip(4);
    if (!read_chunk(chunk)) return;
    if (chunk.name == "fcTL" && is_animated_) return;
    if (chunk.name == "IDAT" || chunk.name == "fdAT") {
      read_content(chunk, chunk.name == "fdAT" ? 4 : 0);
      continue;
    }
    std::span<const uint8_t> content;
    if (!handle(chunk, content)) return;
  }
}

int PngChunks::orientation() const {
  StatedOrientation stated = stated_;
  if (!has_exif_) stated.exif = profile_bytes(raw_profile_);
  stated.xmp = xmp_text_;
  return orientation_of(stated);
}

}  // namespace blip2::internal
