// Pairs pictures and texts, batch by batch.
#include "blip2/tasks/input_texts.h"

#include <fmt/format.h>

#include <utility>

#include "blip2/base/error.h"

namespace blip2 {

InputTexts::InputTexts(std::vector<std::string> texts, size_t num_pictures)
    : texts_(std::move(texts)), is_one_for_all_(num_pictures == 1 && !texts_.empty()) {
  if (texts_.empty() || num_pictures == 0 || is_one_for_all_ || num_pictures == texts_.size()) {
    return;
  }
  fail(ErrorCode::kInvalidArgument,
       "--text: expected as many texts as pictures ({}), or one picture; found {} texts",
       num_pictures, texts_.size());
}

std::vector<std::string> InputTexts::of(const std::vector<Picture>& batch) const {
  if (is_one_for_all_ || texts_.empty()) return texts_;
  std::vector<std::string> texts;
  for (const Picture& picture : batch) texts.push_back(texts_.at(picture.input));
  return texts;
}

size_t InputTexts::num_inputs(const std::vector<Picture>& batch) const {
  return is_one_for_all_ ? texts_.size() : batch.size();
}

}  // namespace blip2
