// Sizes that the shapes of a checkpoint's tensors imply, for files that come without a
// configuration: widths, depths, vocabularies, picture sizes. Head counts, epsilons and activations
// leave no trace in a shape: the caller knows them.
#pragma once

#include <cstdint>

#include "blip2/checkpoint/source.h"
#include "blip2/models/blip2/qformer.h"
#include "blip2/models/names/lavis.h"

namespace blip2 {

/// All of these read a source under Hugging Face's names (LavisFile::source, or a model directory)
/// and throw kCorruptData for a tensor that is missing, not a matrix where one is expected, or of a
/// size that disagrees with another's.

struct VisionSizes {
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t patch_size = 0;
  int64_t image_size = 0;  ///< of the square that the position embeddings are for
};

/// `prefix`: hugging_face_vision_prefix().
VisionSizes vision_sizes(const TensorSource& source, const std::string& prefix);

/// `base` with the sizes of the Q-Former in `source`: widths, layers, cross-attention's frequency,
/// queries, and where there is a text side its vocabulary and positions. Heads, epsilon and
/// initializer_range are the base's; its heads must divide the width.
QFormerConfig qformer_sizes(const TensorSource& source, const QFormerConfig& base);

/// E of stage 1, [E, D] of vision_projection.
int64_t joint_width(const TensorSource& source);
/// Dl of stage 2, [Dl, D] of language_projection.
int64_t language_width(const TensorSource& source);

/// A text model of BLIP-1.
struct BlipTextSizes {
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t max_position_embeddings = 0;
  int64_t encoder_hidden_size = 0;  ///< 0: no cross-attention
};

/// `prefix`: "text_decoder.bert." or "text_encoder.".
BlipTextSizes blip_text_sizes(const TensorSource& source, const std::string& prefix);

}  // namespace blip2
