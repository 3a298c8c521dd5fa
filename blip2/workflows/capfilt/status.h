// The progress of a CapFilt job, read from the files in its folder. Workers do not notice it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "blip2/workflows/capfilt/counts.h"

namespace blip2 {

struct CapFiltStatus {
  int64_t num_shards = 0;
  int64_t done = 0;
  int64_t in_work = 0;       ///< held by workers that give signs of life
  CapFiltCounts counts;      ///< of the shards that are done
  double seconds = 0;        ///< spent on these, added up
  bool is_complete = false;  ///< captions.json and summary.json are there
  /// Estimated from the finished shards and the present workers; nothing without both.
  std::optional<double> seconds_left;
};

/// Throws kNotFound for a folder of no job, kCorruptData for damaged state.
CapFiltStatus read_capfilt_status(const std::filesystem::path& output);

/// Several lines for people, and one JSON object for programs.
std::string to_text(const CapFiltStatus& status);
std::string to_json(const CapFiltStatus& status);

/// The counts of captions: "candidates: 120 web (15 kept), 1200 drawn (185 kept) ...".
std::string describe_candidates(const CapFiltCounts& counts);

}  // namespace blip2
