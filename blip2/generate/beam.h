// Beam search: one input's beams, and the loop that moves all inputs' beams along together.
#pragma once

#include <vector>

#include "blip2/generate/search_request.h"
#include "blip2/nn/decoder.h"

namespace blip2 {

/// Vectorised beam search as in transformers 4.57, or beam sampling with do_sample. Takes any
/// num_beams >= 1; the request is already validated.
std::vector<std::vector<GeneratedSequence>> beam_search(Decoder& decoder,
                                                        const SearchRequest& request);

}  // namespace blip2
