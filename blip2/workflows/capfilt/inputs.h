// What a CapFilt job works on: a list of shards, the tars of the input or, where it has none, as
// many records as an option says. Every start makes the same list of the same input.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "blip2/data/source.h"
#include "blip2/workflows/capfilt/config.h"

namespace blip2 {

/// One shard of the job.
struct CapFiltShard {
  std::string name;           ///< of the output, relative to its folder: "part0/00012.tar"
  std::filesystem::path tar;  ///< the input; empty: records of the source
  int64_t first_record = 0;   ///< in the source
  int64_t num_records = 0;
};

/// A record with what its shard keeps of it.
struct ShardRecord {
  Record record;
  std::string member;     ///< name in the output's tar, without extension
  std::string extension;  ///< of the picture there, without the dot
  std::string fields;     ///< its JSON as it stands, may be empty
};

/// The records of one shard.
class ShardRecords {
 public:
  virtual ~ShardRecords() = default;
  virtual int64_t size() const = 0;
  /// Throws as Source::record(). Two threads may call it.
  virtual ShardRecord read(int64_t index) const = 0;
};

class CapFiltInputs {
 public:
  /// Looks for the shards; opens a source that has none. Throws kNotFound for a place without
  /// shards, kInvalidArgument where two shards would have one name in the output, and as
  /// open_source().
  explicit CapFiltInputs(const CapFiltConfig& config);

  const std::vector<CapFiltShard>& shards() const { return shards_; }
  /// Throws as Shard's constructor.
  std::unique_ptr<ShardRecords> open(const CapFiltShard& shard) const;
  /// Names the list, so that two starts can be compared.
  std::string fingerprint() const;

 private:
  void add_tars(const CapFiltConfig& config);
  void cut_source(const CapFiltConfig& config);

  std::string format_;
  std::vector<CapFiltShard> shards_;
  std::unique_ptr<Source> source_;
};

}  // namespace blip2
