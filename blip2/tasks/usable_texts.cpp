// Reads all texts together, and each alone only where that fails.
#include "blip2/tasks/usable_texts.h"

#include "blip2/models/similarity.h"

namespace blip2 {

std::vector<UnusableText> find_unusable_texts(const Bundle& bundle,
                                              const std::vector<std::string>& texts,
                                              int64_t max_text_length) {
  if (texts.empty()) return {};
  text_ids(bundle, {"a"}, max_text_length);  // throws for the length and for the model
  try {
    text_ids(bundle, texts, max_text_length);
    return {};
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kInternal) throw;
  }
  std::vector<UnusableText> unusable;
  for (size_t place = 0; place < texts.size(); ++place) {
    try {
      text_ids(bundle, {texts[place]}, max_text_length);
    } catch (const Error& error) {
      unusable.push_back({place, error});
    }
  }
  return unusable;
}

}  // namespace blip2
