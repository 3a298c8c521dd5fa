// The three self-attention masks of the paper (BLIP-2 Fig. 2), by name, and the causal mask.
// All are additive float32: 0 where a row may look, kMasked where it may not.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace blip2 {

/// What LAVIS adds where attention is forbidden (1.0.2, models/blip2_models/Qformer.py).
inline constexpr double kMasked = -10000.0;

/// Padding mask of a sequence whose every row sees every real token: the text side of ITC
/// ("uni-modal"). text_mask [B, T] of 0/1 -> [B, 1, 1, T].
at::Tensor unimodal_mask(const at::Tensor& text_mask);

/// ITM ("bi-directional"): queries and text see each other, no row sees padding. text_mask [B, T]
/// -> [B, 1, 1, Q + T].
at::Tensor bidirectional_mask(const at::Tensor& text_mask, int64_t num_queries);

/// ITG ("multimodal causal") for the text rows alone, whose keys are the cached queries and the
/// text: text sees all queries and the text up to itself. text_mask [B, T] -> [B, 1, T, Q + T].
at::Tensor multimodal_causal_mask(const at::Tensor& text_mask, int64_t num_queries);

/// ITG without a cache (UniLM): query rows see queries only. text_mask [B, T] -> [B, 1, Q+T, Q+T].
at::Tensor multimodal_causal_mask_joint(const at::Tensor& text_mask, int64_t num_queries);

/// A decoder-only model's mask: row t of T new tokens, at the end of key_mask's S keys, sees the
/// real keys up to itself. key_mask [B, S] of 0/1 -> [B, 1, T, S]. Uses the lowest finite float, as
/// the language models' references do; a row that may see nothing sees itself, so that no NaN
/// arises.
at::Tensor causal_mask(const at::Tensor& key_mask, int64_t num_new);

}  // namespace blip2
