// How well pictures and texts fit, by what a bundle offers (ImageTextFeatures): features of many,
// cosines of all pairs (ITC), matching logits of chosen pairs (ITM). Without gradients; large sets
// are computed in chunks.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "blip2/models/bundle.h"
#include "blip2/models/image_text_features.h"

namespace blip2 {

/// Texts as ids, with or without their features.
struct TextFeatures {
  at::Tensor ids, mask;  // [M, T] int64
  at::Tensor projected;  // [M, E], unit length
};

/// Whether a model gives features of pictures and texts, and whether it has a matching head.
bool has_similarity(const Bundle& bundle);
bool has_matching(const Bundle& bundle);
/// FeatureFacts of the bundle. This and the functions below throw kUnsupported for a model without
/// image-text features.
FeatureFacts feature_facts(const Bundle& bundle);

/// The ids of texts alone, which is all that pair_logits() needs. `max_length` tokens, special ones
/// included; longer texts lose tokens before the last.
TextFeatures text_ids(const Bundle& bundle, const std::vector<std::string>& texts,
                      int64_t max_length);

/// The same with their features.
TextFeatures text_features(const Bundle& bundle, const std::vector<std::string>& texts,
                           int64_t max_length);

/// ITC's image features of raw encoder outputs [N, P, Dv]: [N, Q, E], unit length.
at::Tensor image_features(const Bundle& bundle, const at::Tensor& image_embeds);

/// Cosine of the best query for every pair: [N, Q, E] x [M, E] -> [N, M].
at::Tensor all_similarities(const at::Tensor& image_features, const at::Tensor& text_features);

/// Matching logits (no, yes) of the pairs (images[i], texts[i]): index vectors into image_embeds
/// (raw) and texts. [pairs, 2]. Throws kUnsupported for a model without a matching head.
at::Tensor pair_logits(const Bundle& bundle, const at::Tensor& image_embeds,
                       const TextFeatures& texts, const std::vector<int64_t>& images,
                       const std::vector<int64_t>& text_rows);

}  // namespace blip2
