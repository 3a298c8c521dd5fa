// The table of contents of a zip file, zip64 included: where the entries are, not what they
// contain. Only stored (not compressed) entries are known here; torch.save writes no others.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "blip2/base/files.h"

namespace blip2 {

struct ZipEntry {
  size_t offset_bytes = 0;  ///< of the data, from the start of the file
  size_t size_bytes = 0;
};

/// All entries by name. Throws kCorruptData, or kUnsupported for compressed or encrypted entries.
std::map<std::string, ZipEntry> read_zip_directory(const MappedFile& file);

}  // namespace blip2
