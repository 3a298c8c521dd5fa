// The page that `capfilt --report` writes: pictures with all candidates, and the job's counts and
// scores.
#pragma once

#include <cstdint>
#include <filesystem>

#include "blip2/image/decode.h"
#include "blip2/workflows/capfilt/folder.h"
#include "blip2/workflows/capfilt/outcome.h"

namespace blip2 {

/// Shows up to `num_examples` pictures, evenly spread over the kept ones. The job must be done.
/// Throws kUnavailable where the page cannot be written.
void write_capfilt_report(const std::filesystem::path& path, const CapFiltFolder& folder,
                          const CapFiltOutcome& outcome, const DecodeOptions& decoding = {},
                          int64_t num_examples = 20);

}  // namespace blip2
