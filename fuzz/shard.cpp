// A webdataset shard: its headers, its samples, and the stretches that they claim.
#include "blip2/data/shards/shard.h"

#include "blip2/base/files.h"
#include "fuzz/inputs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const blip2::fuzz::MemoryFile file;
  file.assign(data, size);
  blip2::fuzz::expect_answer([&] {
    const blip2::Shard shard(file.path());
    for (int64_t i = 0; i < shard.size(); ++i) {
      blip2::fuzz::expect_answer([&] {
        const blip2::Record record = shard.record(i);
        blip2::read_file_range(record.stored->file, record.stored->offset, record.stored->size);
      });
    }
  });
  return 0;
}
