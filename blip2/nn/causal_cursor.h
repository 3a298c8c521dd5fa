// The state of rows that a decoder-only model writes token by token, after prompts of unequal
// lengths: the position of each token and the keys that it may see.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace blip2 {

class CausalCursor {
 public:
  /// T tokens of N rows, which follow all tokens so far.
  struct Tokens {
    at::Tensor positions;  // [N, T] int64: the number of real tokens before it; 0 for padding
    at::Tensor mask;       // additive [N or 1, 1, T, S] over all S keys; undefined: all are seen
  };

  /// The prompts: prompt_embeds [N, S, Dl]; prompt_mask [N, S] of 0/1, or undefined where nothing
  /// is padding. Padding may be anywhere except at the end of a row. Called once, first.
  Tokens start(const at::Tensor& prompt_embeds, const at::Tensor& prompt_mask);

  /// One more token in every row: positions [N, 1], mask [N, 1, 1, S]. Makes no mask anew.
  Tokens advance();

  /// Row i becomes what row rows[i] was. rows: [M] int64.
  void select(const at::Tensor& rows);

  bool started() const { return length_ > 0; }
  int64_t num_rows() const { return next_positions_.size(0); }
  /// Tokens of a row so far, padding included: S.
  int64_t length() const { return length_; }

 private:
  int64_t length_ = 0;
  at::Tensor next_positions_;  // [N] int64
  at::Tensor key_mask_;        // additive [N, 1, 1, C], C >= S, 0 after S; undefined: no padding
};

}  // namespace blip2
