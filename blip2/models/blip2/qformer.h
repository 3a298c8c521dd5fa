// The Querying Transformer (BLIP-2 section 3.1, Fig. 2): two transformers that share
// self-attention. The queries also cross-attend to the image; the text never sees the image
// directly. What each of the four passes may see is its mask, and that is all in which they differ.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "blip2/models/language/bert.h"
#include "blip2/nn/packing.h"

namespace blip2 {

struct QFormerConfig {
  int64_t hidden_size = 768;
  int64_t num_hidden_layers = 12;
  int64_t num_attention_heads = 12;
  int64_t intermediate_size = 3072;
  int64_t vocab_size = 30523;  ///< with [DEC]
  int64_t max_position_embeddings = 512;
  int64_t cross_attention_frequency = 2;  ///< layer i has cross-attention where i % this == 0
  int64_t encoder_hidden_size = 1408;     ///< Dv
  int64_t num_query_tokens = 32;
  double layer_norm_eps = 1e-12;
  double initializer_range = 0.02;
};

struct QFormerLayer {
  BertAttention self_attention;
  std::optional<BertAttention> cross_attention;
  std::optional<BertFeedForward> text_feed_forward;  ///< absent in a stage-2 model
  BertFeedForward query_feed_forward;
};

struct QFormer {
  QFormerConfig config;
  at::Tensor query_tokens;                       // [1, Q, D]
  std::optional<Embedding> word_embeddings;      // [V, D]; the text side, absent in a stage-2 model
  std::optional<Embedding> position_embeddings;  // [512, D]
  LayerNorm embedding_norm;
  std::vector<QFormerLayer> layers;
  /// Training keeps each layer's inputs alone, and the backward pass runs it again (nn/recompute).
  bool recompute_layers = false;
};

enum class TextSide { kAbsent, kPresent };

/// A Q-Former of the given shape, uninitialised.
QFormer make_qformer(const QFormerConfig& config, TextSide text);
void visit(QFormer& qformer, const Visitor& visitor);
void visit(QFormerLayer& layer, const Visitor& visitor);
/// Everything at random as BERT does: N(0, initializer_range), biases 0, layer norms 1 and 0.
void initialise(QFormer& qformer, Random& random);
/// The queries' feed-forward starts as a copy of the text's, as in LAVIS's stage 1 (1.0.2,
/// models/blip2_models/blip2_qformer.py).
void copy_text_feed_forward_to_queries(QFormer& qformer);

/// Dropout rates of a training pass; zero in inference.
struct Dropout {
  double hidden = 0;
  double attention = 0;
};

/// The image's keys and values, one pair for each layer with cross-attention. Projected once, used
/// by every pass of a step.
using ImageKeyValues = std::vector<KeyValue>;

/// image_embeds [B, P, Dv] (after the layer norm) -> keys and values. select_rows() of bert.h takes
/// rows of the batch.
ImageKeyValues project_image(const QFormer& qformer, const at::Tensor& image_embeds);

struct QueryPass {
  at::Tensor hidden;            // [B, Q, D]
  std::vector<KeyValue> cache;  ///< self-attention keys and values of the queries, one pair a layer
};

/// Queries alone, looking at the image (ITC's image side, stage 2, features). B comes from the
/// image.
QueryPass encode_queries(const QFormer& qformer, const ImageKeyValues& image,
                         const Dropout& dropout = {});

/// Text alone: every token sees every other (ITC's text side, uni-modal mask).
/// Returns packed rows [R, D].
at::Tensor encode_text(const QFormer& qformer, const Text& text, const Dropout& dropout = {});

/// Queries and text together (ITM, InstructBLIP's instruction; bi-directional mask). -> the
/// queries' rows [B, Q, D]; what the text rows become in the last layer is never read and not
/// computed.
at::Tensor encode_joint(const QFormer& qformer, const ImageKeyValues& image, const Text& text,
                        const Dropout& dropout = {});

/// Text after the cached queries, each token sees the queries and the text up to itself (ITG,
/// multimodal causal mask). -> packed rows [R, D].
at::Tensor encode_causal(const QFormer& qformer, const std::vector<KeyValue>& query_cache,
                         const Text& text, const Dropout& dropout = {});

/// Cross-attention probabilities of a pass of queries alone, or with text where `text` is given:
/// one tensor [B, H, Q, P] for each layer with cross-attention. For heat maps.
std::vector<at::Tensor> cross_attention_maps(const QFormer& qformer, const at::Tensor& image_embeds,
                                             const Text* text);

}  // namespace blip2
