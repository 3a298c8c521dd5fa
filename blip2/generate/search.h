// Writing text with a language model: greedy search, beam search and sampling, with Hugging Face's
// meaning (transformers 4.57). It sees a Decoder and ids; pictures, prompts' embeddings and
// tokenizers are elsewhere.
#pragma once

#include <vector>

#include "blip2/generate/search_request.h"
#include "blip2/nn/decoder.h"

namespace blip2 {

/// For each input, num_return_sequences texts, in beam search the best first. What is written for
/// an input does not depend on the others. The decoder is used up. Throws kInvalidArgument for the
/// options, and kInternal where the model gives no numbers.
std::vector<std::vector<GeneratedSequence>> generate(Decoder& decoder,
                                                     const SearchRequest& request);

}  // namespace blip2
