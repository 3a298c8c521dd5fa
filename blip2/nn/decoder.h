// What search sees of a language model, and nothing else. Models implement it; generate/ consumes
// it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace blip2 {

/// A language model in the middle of writing N rows, without gradients. The prompt and the picture
/// were given when it was made. Under Autocast it computes in bfloat16, but attends from single
/// tokens to what it remembers in float32.
class Decoder {
 public:
  virtual ~Decoder() = default;

  /// Runs the prompt. Returns the logits of the first new token, [N, V] float32. Called once,
  /// first.
  at::Tensor start();

  /// Appends one token to every row and returns the logits of the next, [N, V] float32.
  /// `ids` is [N] int64.
  at::Tensor step(const at::Tensor& ids);

  /// Keeps the rows `rows` ([M] int64; may reorder, drop and repeat): row i becomes what row
  /// rows[i] was. Caches follow.
  virtual void select(const at::Tensor& rows) = 0;

 private:
  /// What start() and step() do, in any floating type.
  virtual at::Tensor first_logits() = 0;
  virtual at::Tensor next_logits(const at::Tensor& ids) = 0;
};

}  // namespace blip2
