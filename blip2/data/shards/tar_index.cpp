// A walk over headers by libarchive; contents are skipped, never touched.
#include "blip2/data/shards/tar_index.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <memory>

#include "blip2/base/error.h"
#include "blip2/base/file_kind.h"
#include "blip2/base/quote.h"

namespace blip2 {

namespace {

constexpr int64_t kBlock = 512;  // bytes; the unit of the format

struct CloseArchive {
  void operator()(archive* reader) const { archive_read_free(reader); }
};

std::string reason_of(archive* reader) {
  const char* message = archive_error_string(reader);
  return message == nullptr ? "no reason given" : printable(message);
}

/// The name in bytes; a pax name that the C locale cannot say is UTF-8.
std::string name_of(archive_entry* entry) {
  if (const char* name = archive_entry_pathname(entry)) return name;
  const char* name = archive_entry_pathname_utf8(entry);
  return name == nullptr ? "" : name;
}

/// Whether a block of zeros, which ends a tar, begins at `offset`.
bool ends_at(std::span<const std::byte> tar, int64_t offset) {
  if (offset + kBlock > std::ssize(tar)) return false;
  const auto block = tar.subspan(static_cast<size_t>(offset), static_cast<size_t>(kBlock));
  return std::ranges::all_of(block, [](std::byte b) { return b == std::byte{0}; });
}

/// Adds the entry at hand; returns what is wrong with it, or nothing.
std::string add_entry(archive* reader, archive_entry* entry, int64_t tar_size, TarIndex& index) {
  const int64_t offset = archive_filter_bytes(reader, 0);
  const int64_t size = archive_entry_size(entry);
  const std::string name = name_of(entry);
  if (size > tar_size - offset) {
    return fmt::format("cut: {} has {} bytes from byte {} on, the file ends at byte {}",
                       printable(name), size, offset, tar_size);
  }
  if (archive_entry_filetype(entry) != AE_IFREG) return "";  // links and folders have no content
  if (archive_entry_sparse_count(entry) > 0) {
    return fmt::format("{} at byte {} is sparse, which is not read", printable(name), offset);
  }
  index.members.push_back({name, offset, size});
  return "";
}

}  // namespace

TarIndex index_tar(std::span<const std::byte> tar) {
  TarIndex index;
  const std::unique_ptr<archive, CloseArchive> reader(archive_read_new());
  BLIP2_CHECK(reader != nullptr);
  archive_read_support_format_tar(reader.get());
  const std::string_view start(reinterpret_cast<const char*>(tar.data()),
                               std::min<size_t>(tar.size(), kBlock));
  const std::string_view kind = file_kind(start);
  if (!kind.empty() && kind != "a tar archive") {
    index.damage =
        fmt::format("expected an uncompressed tar, found {}{}", kind, file_kind_advice(start));
    return index;
  }
  if (tar.empty() || archive_read_open_memory(reader.get(), tar.data(), tar.size()) != ARCHIVE_OK) {
    index.damage = tar.empty() ? "expected a tar, found an empty file" : reason_of(reader.get());
    return index;
  }
  int64_t end = 0;  // of the last entry, padding included
  for (archive_entry* entry = nullptr;;) {
    const int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) {
      index.damage = fmt::format("damaged at byte {}: {}", end, reason_of(reader.get()));
      return index;
    }
    index.damage = add_entry(reader.get(), entry, std::ssize(tar), index);
    if (!index.damage.empty()) return index;
    end = archive_filter_bytes(reader.get(), 0) + archive_entry_size(entry);
    end = (end + kBlock - 1) / kBlock * kBlock;
  }
  if (!ends_at(tar, end)) {
    index.damage = fmt::format("cut: no end of archive at byte {} of {}", end, tar.size());
  }
  return index;
}

}  // namespace blip2
