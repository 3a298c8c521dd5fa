// The input of a CapFilt job as a list of shards: its tars or, where it has none, ranges of
// records_per_shard records. Every start makes the same list of the same input.
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

/// A record with its names in the output.
struct ShardRecord {
  Record record;
  std::string member;     ///< name in the output's tar, without extension
  std::string extension;  ///< of the picture there, without the dot
  std::string fields;     ///< its JSON, verbatim; may be empty
  std::string stream;     ///< names the record in the job, for its random stream
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
  /// Lists the tars, or opens the source. Throws kNotFound where there are no shards,
  /// kInvalidArgument where two shards would have one name in the output, and as open_source().
  explicit CapFiltInputs(const CapFiltConfig& config);

  const std::vector<CapFiltShard>& shards() const { return shards_; }
  /// Throws as Shard's constructor.
  std::unique_ptr<ShardRecords> open(const CapFiltShard& shard) const;
  /// Identifies the inputs, so that two starts can be compared: the names and files of the tars, or
  /// what the source lists. Goes through the list.
  std::string fingerprint() const;

 private:
  void add_tars(const CapFiltConfig& config);
  void cut_source(const CapFiltConfig& config);

  std::string format_;
  std::vector<CapFiltShard> shards_;
  std::unique_ptr<Source> source_;
};

}  // namespace blip2
