// The page that `capfilt --report` writes: pictures with their captions before and after, and what
// the job did in numbers.
#pragma once

#include <cstdint>
#include <filesystem>

#include "blip2/workflows/capfilt/folder.h"
#include "blip2/workflows/capfilt/outcome.h"

namespace blip2 {

/// Shows up to `num_examples` pictures, evenly spread over those that were kept. The job must be
/// done. Throws kUnavailable where the page cannot be written.
void write_capfilt_report(const std::filesystem::path& path, const CapFiltFolder& folder,
                          const CapFiltOutcome& outcome, int64_t num_examples = 20);

}  // namespace blip2
