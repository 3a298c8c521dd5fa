// Texts from users' files: captions, labels, questions, annotations, configurations, side-cars in
// tars. One way of opening them for all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/base/files.h"

namespace blip2 {

/// The text that bytes stand for: without a byte order mark; UTF-16 and UTF-32 that begin with one
/// become UTF-8. What cannot be decoded (half a surrogate pair, bytes left over) becomes bytes that
/// are not UTF-8, so that only the line that holds them is refused. Other bytes stay as they are.
std::string decode_text(std::string_view bytes);

/// decode_text() of a whole file. Throws as read_file().
std::string read_text_file(const std::filesystem::path& path);

/// The same of a file that is mapped and, unless it has to be decoded, takes no memory.
class TextFile {
 public:
  explicit TextFile(const std::filesystem::path& path);
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;

  std::string_view text() const { return text_; }
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  MappedFile file_;
  std::string decoded_;
  std::string_view text_;
};

/// The lines of a text without their ends: a line feed, a carriage return, or both. An end at the
/// end starts no further line.
std::vector<std::string_view> split_lines(std::string_view text);

/// Throws kCorruptData for what is not UTF-8: "WHERE: expected text in UTF-8, found other bytes
/// (0xe9 at byte 3)".
void require_utf8(std::string_view text, const std::string& where);

/// The same for text as it stands in a file, where a zero byte is a sign of UTF-16 without a mark.
void require_text(std::string_view text, const std::string& where);

/// What these throw for the byte at `position`.
[[noreturn]] void refuse_encoding(std::string_view text, size_t position, const std::string& where);

}  // namespace blip2
