// Joins the shards' parts line by line, and reads the summary back.
#include "blip2/workflows/capfilt/gather.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/interrupt.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

void check_count(const fs::path& file, int64_t expected, int64_t found) {
  if (expected == found) return;
  fail(ErrorCode::kInternal, "{}: expected {} lines by the counts, found {}", file.string(),
       expected, found);
}

/// Calls `line` with each line of a shard's part, without its newline. Returns their number.
template <typename Line>
int64_t for_each_line(const fs::path& path, Line line) {
  const MappedFile file(path);
  std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  int64_t count = 0;
  for (; !text.empty(); ++count) {
    const size_t end = std::min(text.find('\n'), text.size());
    line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return count;
}

void write_captions(const CapFiltFolder& folder, int64_t num_shards, const CapFiltCounts& counts) {
  AtomicFile file(folder.all_captions());
  int64_t written = 0;
  for (int64_t shard = 0; shard < num_shards; ++shard) {
    throw_if_interrupted();
    for_each_line(folder.captions(shard), [&](std::string_view row) {
      file.write(written++ == 0 ? "[\n" : ",\n");
      file.write(row);
    });
  }
  file.write(written == 0 ? "[]\n" : "\n]\n");
  check_count(folder.all_captions(), counts.kept, written);
  file.commit();
}

void write_failures(const CapFiltFolder& folder, int64_t num_shards, const CapFiltCounts& counts) {
  AtomicFile file(folder.all_failures());
  int64_t written = 0;
  for (int64_t shard = 0; shard < num_shards; ++shard) {
    written += for_each_line(folder.failures(shard), [&](std::string_view row) {
      file.write(row);
      file.write("\n");
    });
  }
  check_count(folder.all_failures(), counts.failed, written);
  file.commit();
}

}  // namespace

CapFiltOutcome gather_capfilt(const CapFiltFolder& folder, int64_t num_shards, bool has_captions) {
  CapFiltOutcome outcome{num_shards, {}, 0};
  for (int64_t shard = 0; shard < num_shards; ++shard) {
    throw_if_interrupted();
    const ShardState state = folder.read_state(shard);
    outcome.counts.add(state.counts);
    outcome.seconds += state.seconds;
  }
  if (!outcome.counts.add_up()) {
    fail(ErrorCode::kInternal, "{}: {}", folder.root().string(), outcome.counts.equation());
  }
  if (has_captions) write_captions(folder, num_shards, outcome.counts);
  write_failures(folder, num_shards, outcome.counts);
  write_outcome(folder, outcome);
  return outcome;
}

}  // namespace blip2
