// Validation, then the search that the options ask for.
#include "blip2/generate/search.h"

#include "blip2/base/error.h"
#include "blip2/generate/beam.h"
#include "blip2/generate/greedy.h"
#include "blip2/generate/rules.h"

namespace blip2 {

std::vector<std::vector<GeneratedSequence>> generate(Decoder& decoder,
                                                     const SearchRequest& request) {
  validate(request.options);
  if (request.inputs.empty()) return {};
  for (const SearchInput& input : request.inputs) {
    if (token_limit(request, input) < 1) {
      fail(ErrorCode::kInvalidArgument, "the prompt leaves the language model no room to write");
    }
  }
  return request.options.num_beams > 1 ? beam_search(decoder, request)
                                       : greedy_search(decoder, request);
}

}  // namespace blip2
