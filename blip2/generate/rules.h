// When a text ends: what greedy and beam search share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "blip2/generate/search_request.h"

namespace blip2 {

/// The most new tokens of an input. Throws as max_new_tokens() does.
inline int64_t token_limit(const SearchRequest& request, const SearchInput& input) {
  const GenerationOptions& options = request.options;
  const bool is_asked = options.max_new_tokens.has_value() || options.max_length.has_value();
  const int64_t positions = is_asked ? input.positions_left
                                     : std::min(input.positions_left, input.trained_positions_left);
  return std::min(max_new_tokens(options, static_cast<int64_t>(input.prompt_ids.size())),
                  positions);
}

/// Why a text with these new ids (at least one) ends here, or nothing if it continues.
inline std::optional<FinishReason> finish_reason(const SearchRequest& request,
                                                 std::span<const int64_t> new_ids, int64_t limit) {
  const auto& ends = request.eos_ids;
  if (std::find(ends.begin(), ends.end(), new_ids.back()) != ends.end()) return FinishReason::kEnd;
  if (request.stop && request.stop(new_ids)) return FinishReason::kStop;
  if (static_cast<int64_t>(new_ids.size()) >= limit) return FinishReason::kLength;
  return std::nullopt;
}

}  // namespace blip2
