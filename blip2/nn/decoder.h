// What search sees of a language model, and nothing else. Models implement it; generate/ consumes
// it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace blip2 {

/// A language model in the middle of writing N rows. The prompt and the picture were given when it
/// was made.
class Decoder {
 public:
  virtual ~Decoder() = default;

  /// Runs the prompt. Returns the logits of the first new token, [N, V] float32. Called once,
  /// first.
  virtual at::Tensor start() = 0;

  /// Appends one token to every row and returns the logits of the next, [N, V] float32.
  /// `ids` is [N] int64.
  virtual at::Tensor step(const at::Tensor& ids) = 0;

  /// Keeps the rows `rows` ([M] int64; may reorder, drop and repeat): row i is henceforth what row
  /// rows[i] was. Caches follow.
  virtual void select(const at::Tensor& rows) = 0;
};

}  // namespace blip2
