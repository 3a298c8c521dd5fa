// One token after another, the best or a drawn one: greedy search and plain sampling.
#pragma once

#include <vector>

#include "blip2/generate/search_request.h"
#include "blip2/nn/decoder.h"

namespace blip2 {

/// Greedy search, or sampling with do_sample; num_beams is taken for 1. The request is already
/// validated.
std::vector<std::vector<GeneratedSequence>> greedy_search(Decoder& decoder,
                                                          const SearchRequest& request);

}  // namespace blip2
