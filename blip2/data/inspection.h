// What a source holds, found by going through it once: counts, caption lengths, a few samples. No
// picture is decoded.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "blip2/data/source.h"

namespace blip2 {

struct InspectionOptions {
  int64_t max_records = 0;  ///< at most, evenly spread; 0: all
  int64_t num_samples = 5;
  uint64_t seed = 42;                     ///< which samples are shown
  std::function<void(int64_t)> progress;  ///< called with 1 after each record
};

/// Words between white space.
struct WordCounts {
  int64_t min = 0;
  int64_t median = 0;
  int64_t p95 = 0;  ///< 95 % of the captions have at most this many
  int64_t max = 0;
  double mean = 0;
};

struct InspectedSample {
  int64_t index = 0;
  Record record;
};

struct SourceInspection {
  int64_t records = 0;
  int64_t inspected = 0;
  int64_t missing = 0;   ///< records whose picture is not where it should be
  int64_t unusable = 0;  ///< records that are not well-formed, captions that are blank among them
  std::string first_missing;
  std::string first_unusable;  ///< the reason
  int64_t captions = 0;
  WordCounts words;  ///< of the captions that are not blank
  std::vector<InspectedSample> samples;
};

/// Throws kInterrupted.
SourceInspection inspect_source(const Source& source, const InspectionOptions& options = {});

}  // namespace blip2
