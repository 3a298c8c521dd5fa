// How well pictures and texts fit, by a stage-1 model: features of many, cosines of all pairs
// (ITC), matching logits of chosen pairs (ITM). Without gradients; large sets are taken in chunks.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "blip2/models/blip2/stage1.h"
#include "blip2/text/tokenizer.h"

namespace blip2 {

struct TextFeatures {
  at::Tensor ids, mask;  // [M, T] int64
  at::Tensor projected;  // [M, E], unit length
};

/// `max_length` tokens, special ones included; longer texts lose tokens before [SEP].
TextFeatures text_features(const Stage1& model, const Tokenizer& tokenizer,
                           const std::vector<std::string>& texts, int64_t max_length);

/// ITC's image features of raw encoder outputs [N, P, Dv]: [N, Q, E], unit length.
at::Tensor image_features(const Stage1& model, const at::Tensor& image_embeds);

/// Cosine of the best query for every pair: [N, Q, E] x [M, E] -> [N, M].
at::Tensor all_similarities(const at::Tensor& image_features, const at::Tensor& text_features);

/// Matching logits (no, yes) of the pairs (images[i], texts[i]): index vectors into image_embeds
/// and texts. [pairs, 2].
at::Tensor pair_logits(const Stage1& model, const at::Tensor& image_embeds,
                       const TextFeatures& texts, const std::vector<int64_t>& images,
                       const std::vector<int64_t>& text_rows);

}  // namespace blip2
