// How the parts of a model directory name their tensors in its weights. Reading and writing both go
// by these.
#pragma once

#include <string>
#include <vector>

#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/rename.h"
#include "blip2/checkpoint/source.h"
#include "blip2/models/configs/directory_kind.h"
#include "blip2/models/language/language_model_family.h"
#include "blip2/nn/module.h"

namespace blip2 {

/// A table of names, or a prefix before ours.
struct PartNames {
  const NameTable* table = nullptr;
  std::string prefix = {};
};

/// Of the frozen parts inside a whole model: the prefix of their own names.
PartNames image_encoder_names();
PartNames language_model_names();
/// Of the trained half of a BLIP-2 or an InstructBLIP.
PartNames trained_names(DirectoryKind kind);

/// Slots for tensors, under the names that `source` has for them.
std::vector<Slot> slots_by(const PartNames& names, const std::vector<NamedTensor>& tensors,
                           const TensorSource& source);
/// The same for an image encoder, whose own class has had `vision_model.` before its names, or not,
/// from one version of transformers to another.
std::vector<Slot> image_encoder_slots(const PartNames& names,
                                      const std::vector<NamedTensor>& tensors,
                                      const TensorSource& source);
/// The same for a language model. Where tensors are tied, a file may have any one of their names, or
/// several.
std::vector<Slot> language_model_slots(const LanguageModelWeights& weights, const PartNames& names,
                                       const TensorSource& source);
/// The tensors as they are written. Handles are copied, not what they hold.
std::vector<StoredTensor> stored_by(const PartNames& names,
                                    const std::vector<NamedTensor>& tensors);

}  // namespace blip2
