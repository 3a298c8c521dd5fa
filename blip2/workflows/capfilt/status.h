// Where a CapFilt job stands, from the files in its folder alone: it disturbs nobody.
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
  double seconds = 0;        ///< that these took, added up
  bool is_complete = false;  ///< captions.json and summary.json are there
  /// By the shards that are done and the workers that there are; nothing without both.
  std::optional<double> seconds_left;
};

/// Throws kNotFound for a folder that is no job's, kCorruptData for damaged state.
CapFiltStatus read_capfilt_status(const std::filesystem::path& output);

/// For people, several lines; for programs, one JSON object.
std::string to_text(const CapFiltStatus& status);
std::string to_json(const CapFiltStatus& status);

/// What `counts` say of captions: "candidates: 120 web (15 kept), 1200 drawn (185 kept) ...".
std::string describe_candidates(const CapFiltCounts& counts);

}  // namespace blip2
