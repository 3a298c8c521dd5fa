// The central directory, then each entry's local header.
#include "blip2/checkpoint/pickle/zip_directory.h"

#include <algorithm>
#include <cstdint>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/checkpoint/byte_reader.h"

namespace blip2 {
namespace {

/// Signatures and sizes of the records, from the zip application note (APPNOTE 6.3).
constexpr uint32_t kLocalHeader = 0x04034b50;
constexpr uint32_t kCentralHeader = 0x02014b50;
constexpr uint32_t kEnd = 0x06054b50;
constexpr uint32_t kEnd64 = 0x06064b50;
constexpr uint32_t kEnd64Locator = 0x07064b50;
constexpr size_t kEndBytes = 22;
constexpr size_t kEnd64LocatorBytes = 20;
constexpr size_t kCentralHeaderBytes = 46;
constexpr size_t kLongestComment = 0xFFFF;
constexpr uint32_t kIn64 = 0xFFFFFFFF;  ///< the real value is in a zip64 field
constexpr uint16_t kExtra64 = 1;

struct Directory {
  uint64_t num_entries = 0;
  uint64_t offset_bytes = 0;
};

/// The position of the end record, which a comment may follow.
size_t find_end(ByteReader reader, size_t file_bytes) {
  const size_t last = file_bytes - std::min(file_bytes, kEndBytes);
  const size_t first = last - std::min(last, kLongestComment);
  for (size_t position = last + 1; position-- > first;) {
    reader.seek(position);
    if (reader.remaining() >= kEndBytes && reader.read<uint32_t>() == kEnd) return position;
  }
  fail(ErrorCode::kCorruptData, "{}: cut short: a zip file without its end record", reader.path());
}

Directory find_directory(ByteReader reader, size_t file_bytes) {
  const size_t end = find_end(reader, file_bytes);
  reader.seek(end + 10);
  Directory directory;
  directory.num_entries = reader.read<uint16_t>();
  reader.skip(4);
  directory.offset_bytes = reader.read<uint32_t>();
  if (end < kEnd64LocatorBytes) return directory;
  reader.seek(end - kEnd64LocatorBytes);
  if (reader.read<uint32_t>() != kEnd64Locator) return directory;
  reader.skip(4);
  reader.seek(reader.read<uint64_t>());
  if (reader.read<uint32_t>() != kEnd64) {
    fail(ErrorCode::kCorruptData, "{}: the zip64 end record is not where it should be",
         reader.path());
  }
  reader.skip(28);
  directory.num_entries = reader.read<uint64_t>();
  reader.skip(8);
  directory.offset_bytes = reader.read<uint64_t>();
  return directory;
}

/// One record of the central directory.
struct Record {
  std::string name;
  uint64_t size_bytes = 0;
  uint64_t header_offset_bytes = 0;
};

/// Replaces the sizes that did not fit 32 bits by those of the zip64 field.
void read_extra_fields(ByteReader& reader, uint64_t extra_bytes, uint64_t stored_bytes,
                       Record& record) {
  const size_t end = reader.position() + static_cast<size_t>(extra_bytes);
  while (reader.position() + 4 <= end) {
    const auto id = reader.read<uint16_t>();
    const auto field_bytes = reader.read<uint16_t>();
    const size_t next = reader.position() + field_bytes;
    if (id == kExtra64) {
      if (record.size_bytes == kIn64) record.size_bytes = reader.read<uint64_t>();
      if (stored_bytes == kIn64) reader.skip(8);
      if (record.header_offset_bytes == kIn64) record.header_offset_bytes = reader.read<uint64_t>();
    }
    reader.seek(next);
  }
  reader.seek(end);
}

Record read_record(ByteReader& reader) {
  if (reader.read<uint32_t>() != kCentralHeader) {
    fail(ErrorCode::kCorruptData, "{}: the zip directory is broken at byte {}", reader.path(),
         reader.position() - 4);
  }
  reader.skip(4);
  const auto flags = reader.read<uint16_t>();
  const auto method = reader.read<uint16_t>();
  reader.skip(8);
  const auto stored_bytes = reader.read<uint32_t>();
  Record record;
  record.size_bytes = reader.read<uint32_t>();
  const auto name_bytes = reader.read<uint16_t>();
  const auto extra_bytes = reader.read<uint16_t>();
  const auto comment_bytes = reader.read<uint16_t>();
  reader.skip(8);
  record.header_offset_bytes = reader.read<uint32_t>();
  record.name = reader.text(name_bytes);
  if (method != 0 || (flags & 1) != 0) {
    fail(ErrorCode::kUnsupported,
         "{}: the zip entry {} is {}; only stored entries are read (unzip it and save it again)",
         reader.path(), quote(record.name), method != 0 ? "compressed" : "encrypted");
  }
  read_extra_fields(reader, extra_bytes, stored_bytes, record);
  reader.skip(comment_bytes);
  return record;
}

/// Finds the data after the local header, whose own name and extra fields may differ in length.
ZipEntry locate(ByteReader reader, const Record& record) {
  reader.seek(record.header_offset_bytes);
  if (reader.read<uint32_t>() != kLocalHeader) {
    fail(ErrorCode::kCorruptData, "{}: the zip entry {} is not where the directory says",
         reader.path(), quote(record.name));
  }
  reader.skip(22);
  const auto name_bytes = reader.read<uint16_t>();
  const auto extra_bytes = reader.read<uint16_t>();
  reader.skip(uint64_t{name_bytes} + extra_bytes);
  const size_t offset_bytes = reader.position();
  reader.skip(record.size_bytes);
  return {offset_bytes, static_cast<size_t>(record.size_bytes)};
}

}  // namespace

std::map<std::string, ZipEntry> read_zip_directory(const MappedFile& file) {
  ByteReader reader(file.bytes(), file.path().string());
  const Directory directory = find_directory(reader, file.bytes().size());
  reader.seek(directory.offset_bytes);
  if (directory.num_entries > reader.remaining() / kCentralHeaderBytes) {
    fail(ErrorCode::kCorruptData, "{}: the zip directory claims {} entries in {} bytes",
         reader.path(), directory.num_entries, reader.remaining());
  }
  std::map<std::string, ZipEntry> entries;
  for (uint64_t i = 0; i < directory.num_entries; ++i) {
    const Record record = read_record(reader);
    if (!entries.emplace(record.name, locate(reader, record)).second) {
      fail(ErrorCode::kCorruptData, "{}: two zip entries are named {}", reader.path(),
           quote(record.name));
    }
  }
  return entries;
}

}  // namespace blip2
