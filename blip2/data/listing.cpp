// Entries to hashes. The hash of a block is a sum, so that two blocks make one of twice the size.
#include "blip2/data/listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/interrupt.h"
#include "blip2/base/random.h"

namespace blip2 {

namespace {

constexpr size_t kMostBlocks = 256;

void join_pairs(std::vector<uint64_t>& blocks) {
  for (size_t i = 0; i < blocks.size(); i += 2) {
    blocks[i / 2] = blocks[i] + (i + 1 < blocks.size() ? blocks[i + 1] : 0);
  }
  blocks.resize((blocks.size() + 1) / 2);
}

void note_entry(std::string_view text, ListFingerprint& list) {
  throw_if_interrupted();
  if (list.entries == static_cast<int64_t>(kMostBlocks) * list.block) {
    join_pairs(list.blocks);
    list.block *= 2;
  }
  if (list.entries % list.block == 0) list.blocks.push_back(0);
  const uint64_t hash = content_hash(text);
  list.blocks.back() += mix_bits(hash ^ mix_bits(static_cast<uint64_t>(list.entries)));
  list.any_order += mix_bits(hash);
  ++list.entries;
}

/// What both lists say in the same words, in entries from the first on; a multiple of the larger
/// block, or all.
int64_t equal_entries(ListFingerprint a, ListFingerprint b) {
  for (; a.block < b.block; a.block *= 2) join_pairs(a.blocks);
  for (; b.block < a.block; b.block *= 2) join_pairs(b.blocks);
  const auto differs = std::ranges::mismatch(a.blocks, b.blocks);
  const int64_t equal = (differs.in1 - a.blocks.begin()) * a.block;
  return std::min({equal, a.entries, b.entries});
}

}  // namespace

void list_records(const Source& source, const EntryCallback& entry) {
  for (int64_t index = 0; index < source.size(); ++index) {
    std::string text;
    try {
      const Record record = source.record(index);
      const std::string name = record.image.filename().string();
      for (const std::string* part : {&record.key, &name, &record.image_id, &record.question}) {
        text += fmt::format("{}:{}", part->size(), *part);
      }
      for (const std::string& caption : record.captions) {
        text += fmt::format("{}:{}", caption.size(), caption);
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInternal || error.code() == ErrorCode::kInterrupted) throw;
    }
    entry(text);
  }
}

std::string listed_file(const std::filesystem::path& path) {
  constexpr std::streamsize kHead = 64 << 10;
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file) return "none";
  std::string head(kHead, '\0');
  file.read(head.data(), kHead);
  head.resize(static_cast<size_t>(file.gcount()));
  return fmt::format("{} {:x}", size, content_hash(head));
}

ListFingerprint fingerprint(const Source& source) {
  ListFingerprint list;
  const auto add = [&](std::string_view entry) { note_entry(entry, list); };
  if (const auto* listing = dynamic_cast<const Listing*>(&source)) {
    listing->list(add);
  } else {
    list_records(source, add);
  }
  list.records = source.size();
  return list;
}

std::string difference(const ListFingerprint& before, const ListFingerprint& now) {
  if (before == now) return "";
  const bool is_by_record = before.entries == before.records;
  std::string text = before.records == now.records
                         ? fmt::format("{} records as before", now.records)
                         : fmt::format("{} records instead of {}", now.records, before.records);
  const int64_t equal = equal_entries(before, now);
  if (equal == before.entries || equal == now.entries) {
    return text + fmt::format("; the first {} {} are the same", equal,
                              is_by_record ? "records" : "entries of the list");
  }
  if (before.any_order == now.any_order) text += ", the same in another order";
  const int64_t last =
      std::min(equal + std::max(before.block, now.block), std::max(before.entries, now.entries));
  return text +
         fmt::format("; the first difference is at {} {}",
                     is_by_record ? "record" : "entry of the list", equal + 1) +
         (last == equal + 1 ? "" : fmt::format(" or later, up to {}", last));
}

}  // namespace blip2
