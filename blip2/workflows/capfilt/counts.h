// The fates of a shard's records, or of all records: counts that must add up, and histograms of the
// captions' scores.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "blip2/tasks/capfilt.h"

namespace blip2 {

/// Scores in [-1, 1], counted in bins of 0.02. Scores outside count in the first or last bin.
struct ScoreHistogram {
  static constexpr size_t kBins = 100;
  std::array<int64_t, kBins> counts{};

  void add(double score);
  void add(const ScoreHistogram& other);
  int64_t total() const;
  /// The middle of a bin.
  static double score_of(size_t bin) { return -1 + (static_cast<double>(bin) + 0.5) * 0.02; }
};

/// Every record counts in exactly one of kept, opt_out, duplicate, near_duplicate, no_caption and
/// failed.
struct CapFiltCounts {
  int64_t records = 0;
  int64_t kept = 0;
  int64_t opt_out = 0;         ///< by the record's own fields
  int64_t duplicate = 0;       ///< the same bytes as an earlier picture of the shard
  int64_t near_duplicate = 0;  ///< looks like an earlier picture of the shard
  int64_t no_caption = 0;      ///< no caption passed the thresholds
  int64_t failed = 0;
  int64_t web_candidates = 0, synthetic_candidates = 0;
  int64_t web_kept = 0, synthetic_kept = 0;
  int64_t dropped_by_rank = 0, dropped_by_similarity = 0;  ///< candidates
  int64_t dropped_by_match = 0, dropped_by_duplicate = 0;  ///< candidates
  ScoreHistogram web_scores, synthetic_scores;

  void add(const CapFiltResult& result);
  void add(const CapFiltCounts& other);
  bool add_up() const {
    return records == kept + opt_out + duplicate + near_duplicate + no_caption + failed;
  }
  /// "1000 records = 950 kept + 20 opted out + ... + 1 failed".
  std::string equation() const;
};

/// Calls `v(name, field)` for every number.
template <typename Counts, typename V>
void visit_counts(Counts& c, V&& v) {
  v("records", c.records);
  v("kept", c.kept);
  v("opt_out", c.opt_out);
  v("duplicate", c.duplicate);
  v("near_duplicate", c.near_duplicate);
  v("no_caption", c.no_caption);
  v("failed", c.failed);
  v("web_candidates", c.web_candidates);
  v("synthetic_candidates", c.synthetic_candidates);
  v("web_kept", c.web_kept);
  v("synthetic_kept", c.synthetic_kept);
  v("dropped_by_rank", c.dropped_by_rank);
  v("dropped_by_similarity", c.dropped_by_similarity);
  v("dropped_by_match", c.dropped_by_match);
  v("dropped_by_duplicate", c.dropped_by_duplicate);
}

/// The record that a finished shard leaves in the job's folder.
struct ShardState {
  std::string shard;
  CapFiltCounts counts;
  double seconds = 0;
  std::string worker;
};

std::string to_json(const ShardState& state);
/// Throws kCorruptData, naming `where`.
ShardState parse_shard_state(std::string_view json, const std::string& where);

}  // namespace blip2
