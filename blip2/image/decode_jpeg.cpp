// JPEG by libjpeg-turbo: baseline and progressive, grey, YCbCr, RGB, CMYK and YCCK. The accurate
// DCT and fancy upsampling, which are the library's defaults and Pillow's.
#include <algorithm>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>

#include "blip2/image/codecs.h"
#include "blip2/image/orientation.h"

extern "C" {
#include <jpeglib.h>
}

namespace blip2::internal {
namespace {

/// A progressive picture is decoded once a scan; a small file can hold thousands of empty ones.
constexpr int kMaxScans = 100;

/// The library's state. Its errors leave by longjmp, so each method that calls the library has only
/// trivial locals, and a destructor is never jumped over.
class JpegReader {
 public:
  explicit JpegReader(std::span<const uint8_t> bytes);
  ~JpegReader() { jpeg_destroy_decompress(&library_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  bool read_header();
  bool start();
  /// Reads all rows into `out`, [height, width, components]. As in Pillow, the end marker may be
  /// missing.
  bool read_rows(uint8_t* out);

  const jpeg_decompress_struct& info() const { return library_; }
  int orientation() const;
  const char* message() const { return message_; }

 private:
  static JpegReader& self(j_common_ptr library) {
    return *static_cast<JpegReader*>(library->client_data);
  }
  [[noreturn]] void leave(const char* message);
  static void on_error(j_common_ptr library);
  static void on_message(j_common_ptr) {}
  static void on_emit(j_common_ptr, int) {}
  static void on_progress(j_common_ptr library);
  // The bytes are all there from the start; asked for more, the source suspends the decoder, which
  // then reports the cut by returning early instead of inventing an end of the picture.
  static boolean fill_input(j_decompress_ptr) { return FALSE; }
  static void skip_input(j_decompress_ptr library, long num_bytes);
  static void ignore_source(j_decompress_ptr) {}

  jpeg_decompress_struct library_{};
  jpeg_error_mgr errors_{};
  jpeg_source_mgr source_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf jump_{};
  char message_[JMSG_LENGTH_MAX] = "the data end early";
};

JpegReader::JpegReader(std::span<const uint8_t> bytes) {
  library_.err = jpeg_std_error(&errors_);
  errors_.error_exit = on_error;
  errors_.output_message = on_message;
  errors_.emit_message = on_emit;
  library_.client_data = this;
  source_.next_input_byte = bytes.data();
  source_.bytes_in_buffer = bytes.size();
  source_.init_source = ignore_source;
  source_.term_source = ignore_source;
  source_.fill_input_buffer = fill_input;
  source_.skip_input_data = skip_input;
  source_.resync_to_restart = jpeg_resync_to_restart;
  progress_.progress_monitor = on_progress;
}

void JpegReader::leave(const char* message) {
  std::snprintf(message_, sizeof(message_), "%s", message);
  std::longjmp(jump_, 1);
}

void JpegReader::on_error(j_common_ptr library) {
  char text[JMSG_LENGTH_MAX];
  library->err->format_message(library, text);
  self(library).leave(text);
}

void JpegReader::on_progress(j_common_ptr library) {
  JpegReader& reader = self(library);
  if (reader.library_.input_scan_number > kMaxScans) reader.leave("more than 100 scans");
}

void JpegReader::skip_input(j_decompress_ptr library, long num_bytes) {
  if (num_bytes <= 0) return;
  jpeg_source_mgr& source = *library->src;
  const size_t skipped = std::min(static_cast<size_t>(num_bytes), source.bytes_in_buffer);
  source.next_input_byte += skipped;
  source.bytes_in_buffer -= skipped;
}

bool JpegReader::read_header() {
  if (setjmp(jump_) != 0) return false;
  jpeg_create_decompress(&library_);
  library_.src = &source_;
  library_.progress = &progress_;
  jpeg_save_markers(&library_, JPEG_APP0 + 1, 0xffff);
  return jpeg_read_header(&library_, TRUE) == JPEG_HEADER_OK;
}

bool JpegReader::start() {
  if (setjmp(jump_) != 0) return false;
  if (library_.num_components == 3) library_.out_color_space = JCS_RGB;
  if (library_.num_components == 4) library_.out_color_space = JCS_CMYK;
  return jpeg_start_decompress(&library_) != FALSE;
}

bool JpegReader::read_rows(uint8_t* out) {
  if (setjmp(jump_) != 0) return false;
  const size_t stride =
      static_cast<size_t>(library_.output_width) * static_cast<size_t>(library_.output_components);
  while (library_.output_scanline < library_.output_height) {
    JSAMPROW row = out + library_.output_scanline * stride;
    if (jpeg_read_scanlines(&library_, &row, 1) != 1) return false;
  }
  jpeg_finish_decompress(&library_);
  return true;
}

int JpegReader::orientation() const {
  StatedOrientation stated;
  for (auto marker = library_.marker_list; marker != nullptr; marker = marker->next) {
    add_app1({reinterpret_cast<const char*>(marker->data), marker->data_length}, stated);
  }
  return orientation_of(stated);
}

}  // namespace

Raster decode_jpeg(const Source& source) {
  JpegReader reader(source.bytes);
  if (!reader.read_header()) fail_damaged(source, "JPEG", reader.message());
  const int num_components = reader.info().num_components;
  check_size(source, reader.info().image_width, reader.info().image_height);
  if (num_components != 1 && num_components != 3 && num_components != 4) {
    fail(ErrorCode::kUnsupported, "{}: expected a JPEG of 1, 3 or 4 components, found {}",
         source.name, num_components);
  }
  // A progressive picture is read up to its end here, and a cut one fails before pixels are
  // allocated.
  if (!reader.start()) fail_damaged(source, "JPEG", reader.message());
  Raster raster;
  raster.orientation = reader.orientation();
  allocate(raster, static_cast<int>(reader.info().output_width),
           static_cast<int>(reader.info().output_height),
           num_components == 1   ? PixelLayout::kGrey
           : num_components == 3 ? PixelLayout::kRgb
                                 : PixelLayout::kCmyk);
  if (!reader.read_rows(raster.samples.data())) fail_damaged(source, "JPEG", reader.message());
  if (num_components == 4) {  // Adobe stores the inks inverted, and so does everybody else
    for (uint8_t& ink : raster.samples) ink = static_cast<uint8_t>(255 - ink);
  }
  return raster;
}

}  // namespace blip2::internal
