// Words by a table.
#include "blip2/text/word_level.h"

#include <cstdint>
#include <string_view>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"

namespace blip2 {

void WordLevel::encode(std::string_view word, std::vector<int64_t>& ids) const {
  auto found = pieces_.find(word);
  if (found == pieces_.end()) found = pieces_.find(parts_.unknown);
  if (found == pieces_.end()) {
    fail(ErrorCode::kInvalidArgument, "{}: expected a word of the vocabulary, which has no {}",
         quote(word), quote(parts_.unknown));
  }
  ids.push_back(found->second);
}

}  // namespace blip2
