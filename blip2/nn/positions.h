// Rotary position embedding, in Hugging Face's half-split layout. Learned positions are embeddings.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace blip2 {

/// The rotation of R rows: what rotate() multiplies with. Shared by all layers of a pass.
struct Rotary {
  at::Tensor cosine;  // [R, 1, K]
  at::Tensor sine;    // [R, 1, K], the first half negated
};

/// Angles position * theta^(-2j/K), j < K/2, in float32. positions: [R] int64; K (`head_width`) is
/// even.
Rotary make_rotary(const at::Tensor& positions, int64_t head_width, double theta);

/// Rotates every head of every row: pairs are (x[j], x[j + K/2]). x: [R, H, K] -> [R, H, K].
at::Tensor rotate(const at::Tensor& x, const Rotary& rotary);

}  // namespace blip2
