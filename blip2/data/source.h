// Where records come from: one interface over the annotation formats, which are in sources/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "blip2/data/record.h"

namespace blip2 {

/// A finite list of records. All methods may be called by several threads at once.
class Source {
 public:
  virtual ~Source() = default;
  virtual int64_t size() const = 0;
  /// Record `index` of {0, ..., size() - 1}. Throws kCorruptData or kNotFound, naming file and
  /// line, for a record that is not well-formed; the others stay readable.
  virtual Record record(int64_t index) const = 0;
  /// The unchanged JSON of record `index`: a line of JSONL, an element of a list, a sample's .json;
  /// "" where the format has none. Throws as record() for a shard.
  virtual std::string fields(int64_t index) const {
    static_cast<void>(index);
    return "";
  }
  /// The numbers of records of the source's shards, in order, where records are best read shard by
  /// shard; empty: every order is as good.
  virtual std::vector<int64_t> shard_sizes() const { return {}; }
};

}  // namespace blip2
