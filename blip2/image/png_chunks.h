// The chunks of a PNG, up to the pixels and after them. Which damage is an error follows Pillow's
// PngImagePlugin: everything before the pixels must be whole, and nothing need follow them. Used
// only by decode_png.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "blip2/image/orientation.h"
#include "blip2/image/raster.h"

namespace blip2::internal {

struct PngHeader {
  uint32_t width = 0, height = 0;
  int depth = 0;        ///< bits of a sample
  int colour_type = 0;  ///< 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA
  bool is_interlaced = false;
  std::span<const uint8_t> palette;       ///< R, G, B of each colour; may be absent
  std::span<const uint8_t> transparency;  ///< tRNS; may be absent
};

/// Reads a file from front to back: header, pixels, rest. Errors are kCorruptData.
class PngChunks {
 public:
  /// Reads up to the first IDAT.
  explicit PngChunks(const Source& source);

  const PngHeader& header() const { return header_; }
  /// The next bytes of compressed pixels, at most 64 KiB, of one chunk; empty after the last.
  std::span<const uint8_t> next_pixels();
  /// Reads what follows the pixels.
  void read_rest();
  int orientation() const;

 private:
  struct Chunk {
    std::string name;
    uint32_t length = 0;
  };

  [[noreturn]] void fail(const std::string& found) const;
  bool read_chunk(Chunk& chunk);
  std::span<const uint8_t> read_content(const Chunk& chunk, size_t least = 0);
  void check_crc(const Chunk& chunk, std::span<const uint8_t> content);
  bool handle(const Chunk& chunk, std::span<const uint8_t>& content);
  void handle_header(std::span<const uint8_t> content);
  void handle_text(const Chunk& chunk, std::string_view content);
  void handle_international_text(std::string_view content);
  void handle_frame(std::span<const uint8_t> content);
  std::string inflate_text(std::string_view compressed, const char* name, bool& is_broken) const;
  void set_text(std::string_view key, std::string text, bool is_compressed);
  void skip(size_t num_bytes) {
    position_ += std::min(num_bytes, source_.bytes.size() - position_);
  }

  const Source& source_;
  size_t position_ = 8;  // after the signature
  PngHeader header_;
  size_t pixels_left_ = 0;  // of the present IDAT
  bool is_pushed_back_ = false;
  Chunk next_;  // where is_pushed_back_
  bool is_animated_ = false, has_frame_ = false;
  uint32_t num_frames_ = 0;
  int64_t last_sequence_ = -1;
  size_t text_bytes_ = 0;
  StatedOrientation stated_;
  std::string raw_profile_, xmp_text_;
  bool has_exif_ = false;
};

}  // namespace blip2::internal
