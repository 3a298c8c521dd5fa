// What a data set lists, as a few numbers by which two lists are told apart: counts and hashes, for
// a run that resumes. No picture is opened, and no shard.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/data/source.h"

namespace blip2 {

using EntryCallback = std::function<void(std::string_view)>;

/// A list that can be read without parsing it: lines, elements of a JSON list, names of shards. A
/// source that is none is listed record by record.
class Listing {
 public:
  virtual ~Listing() = default;
  /// Calls `entry` with each entry's text, in order. Thread-safe.
  virtual void list(const EntryCallback& entry) const = 0;
};

/// Lists what each record says, but for the folder of its picture: key, file name, image_id,
/// question and captions; nothing for a record that is not well-formed.
void list_records(const Source& source, const EntryCallback& entry);

/// What tells a large file from another without reading it: its size and a hash of its first 64 KiB;
/// "none" where it cannot be read.
std::string listed_file(const std::filesystem::path& path);

/// Counts and hashes of a list.
struct ListFingerprint {
  int64_t records = 0;
  int64_t entries = 0;     ///< of the list: records, or shards
  uint64_t any_order = 0;  ///< the same for the same entries in another order
  int64_t block = 1;       ///< entries that a hash of `blocks` is for: a power of two
  std::vector<uint64_t> blocks;
  bool operator==(const ListFingerprint&) const = default;
};

/// Goes through the list once.
ListFingerprint fingerprint(const Source& source);

/// How the list `now` differs from the list `before`, in words that follow "found"; "" if it does
/// not.
std::string difference(const ListFingerprint& before, const ListFingerprint& now);

}  // namespace blip2
