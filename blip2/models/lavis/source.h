// A LAVIS or BLIP file under Hugging Face's names, and the way back. Tensors are renamed, joined
// and split when they are read, never before; the two directions are inverse, byte for byte.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "blip2/checkpoint/source.h"
#include "blip2/models/names/lavis.h"

namespace blip2 {

struct LavisOptions {
  /// How many blocks of the image encoder to keep. Nothing: all, but of an encoder alone that comes
  /// whole (with its last norm; 40 blocks of EVA's, 24 of CLIP's) all but the last block, as BLIP-2
  /// uses it.
  std::optional<int64_t> num_vision_layers;
};

struct LavisFile {
  LavisLayout layout;
  std::unique_ptr<TensorSource> source;  ///< under Hugging Face's names
  std::vector<std::string> unused;       ///< LAVIS's names of what is left out
};

/// Presents `file` under Hugging Face's names (lavis_names()): `q_bias` and `v_bias` become one
/// `qkv.bias` with zeros for the keys, a fused `in_proj` becomes three projections. A tensor with
/// no name in the table keeps its own, so that a strict load tells of it. The Q-Former's word
/// embeddings and the bias of its head are read from their tied copies where only those are there.
/// Throws kUnsupported for a file of other names, kCorruptData for pieces that do not fit together.
LavisFile from_lavis(std::unique_ptr<TensorSource> file, const LavisOptions& options = {});

/// What a LAVIS file holds beside the model's own tensors.
struct LavisExtras {
  /// Stage 1's second names of tied tensors, `Qformer.cls.predictions.decoder.*`.
  bool tied_copies = true;
  /// Length of the buffer `Qformer.bert.embeddings.position_ids`; 0: without it.
  int64_t num_position_ids = 512;
};

/// The inverse: presents `source`, under Hugging Face's names, under LAVIS's. Throws kUnsupported
/// for a tensor that LAVIS's model has no place for; read() throws it for an EVA block whose keys
/// have a bias other than 0.
std::unique_ptr<TensorSource> to_lavis(std::unique_ptr<TensorSource> source,
                                       const LavisLayout& layout, const LavisExtras& extras = {});

}  // namespace blip2
