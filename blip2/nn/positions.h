// Rotary position embedding, in Hugging Face's half-split layout, and the buckets of T5's relative
// positions. Learned positions are embeddings.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace blip2 {

/// The rotation of R rows: what rotate() multiplies with. Shared by all layers of a pass.
struct Rotary {
  at::Tensor cosine;  // [R, 1, K]
  at::Tensor sine;    // [R, 1, K], the first half negated
};

/// How a model goes beyond the length that it was first trained for: `rope_scaling` of Hugging
/// Face's config.json (transformers 4.57, modeling_rope_utils.py).
struct RopeScaling {
  enum class Kind {
    kNone,
    kLinear,   ///< every frequency divided by `factor`
    kDynamic,  ///< beyond the original length, a larger base, which grows with the sequence
    kLlama3,   ///< long waves divided by `factor`, short ones kept, a ramp between
    kYarn,     ///< as kLlama3, with a ramp by dimension; and longer vectors
  };
  Kind kind = Kind::kNone;
  double factor = 1.0;
  // kLlama3 alone: a wave is long from original / low_freq_factor tokens on, short up to original /
  // high_freq_factor.
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  int64_t original_max_position_embeddings = 8192;
  // kYarn alone.
  double attention_factor = 1.0;  ///< what cosines and sines are multiplied with
  double beta_fast = 32.0;        ///< a wave that turns so often in the original length is kept
  double beta_slow = 1.0;         ///< one that turns so seldom is divided by `factor`
  bool truncates = true;          ///< the ends of the ramp are whole dimensions
};

/// Angles position * theta^(-2j/K), j < K/2, in float32, the frequencies scaled as `scaling` says.
/// positions: [R] int64; K (`head_width`) is even. lengths: [R] int64, tokens of the sequence that
/// each row is of, which kDynamic alone asks for.
Rotary make_rotary(const at::Tensor& positions, int64_t head_width, double theta,
                   const RopeScaling& scaling = {}, const at::Tensor& lengths = {});

/// Rotates every head of every row: pairs are (x[j], x[j + K/2]). x: [R, H, K] -> [R, H, K].
at::Tensor rotate(const at::Tensor& x, const Rotary& rotary);

/// T5's classes of distance between a query and a key.
struct RelativeBuckets {
  int64_t num_buckets = 32;
  int64_t max_distance = 128;  ///< from here on all distances share a bucket
  bool bidirectional = false;  ///< half of the buckets for keys after the query (encoder)
};

/// offsets: key position - query position, int64, any shape -> buckets of the same shape. Near
/// distances have a bucket each, far ones share buckets that grow with the logarithm. Where not
/// bidirectional, a key after the query counts as at distance 0.
at::Tensor relative_buckets(const at::Tensor& offsets, const RelativeBuckets& buckets);

}  // namespace blip2
