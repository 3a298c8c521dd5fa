// What the implementations of TextWriter share: rows by prompt, ids, and positions.
#include "blip2/models/text_writer.h"

#include "blip2/base/error.h"
#include "blip2/nn/token_batch.h"

namespace blip2 {
namespace {

/// Whether row i is about picture i: nothing needs to be repeated then.
bool is_one_each(const std::vector<Prompt>& prompts, int64_t num_images) {
  if (static_cast<int64_t>(prompts.size()) != num_images) return false;
  for (size_t i = 0; i < prompts.size(); ++i) {
    if (prompts[i].image != static_cast<int64_t>(i)) return false;
  }
  return true;
}

}  // namespace

at::Tensor by_prompt(const at::Tensor& per_image, const std::vector<Prompt>& prompts) {
  if (is_one_each(prompts, per_image.size(0))) return per_image;
  std::vector<int64_t> rows;
  for (const Prompt& prompt : prompts) rows.push_back(prompt.image);
  return per_image.index_select(0, to_tensor(rows, per_image.device()));
}

std::vector<std::vector<int64_t>> encode_all(const Tokenizer& tokenizer,
                                             const std::vector<Prompt>& prompts) {
  std::vector<std::vector<int64_t>> rows;
  for (const Prompt& prompt : prompts) rows.push_back(tokenizer.encode(prompt.text));
  return rows;
}

int64_t positions_after(int64_t positions, int64_t used, const char* what) {
  if (used >= positions) {
    fail(ErrorCode::kInvalidArgument,
         "{}: expected fewer than {} tokens, what the model has positions for, found {}", what,
         positions, used);
  }
  return positions - used;
}

}  // namespace blip2
