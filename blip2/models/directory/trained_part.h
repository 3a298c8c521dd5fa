// The trained half of a model directory: loading a Stage1 or a Stage2 out of Hugging Face's
// names.
#pragma once

#include "blip2/base/random.h"
#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/source.h"
#include "blip2/models/blip2/stage1.h"
#include "blip2/models/blip2/stage2.h"
#include "blip2/models/configs/blip2_config.h"

namespace blip2 {

/// What happens to the tensors: copied, to be trained, or views of the mapped file.
enum class Storage { kOwned, kMapped };

Stage1Config stage1_config(const Blip2Config& config);

/// The slots of a Stage1. What Hugging Face's own checkpoints lack, the temperature and the
/// language-modelling head, is optional, but the head only as a whole.
std::vector<Slot> stage1_slots(Stage1& model, const TensorSource& source);

/// Fills what a file may lack: the temperature with 0.07, the head at random.
void fill_optional(Stage1& model);

/// A retrieval directory's Stage1.
Stage1 load_stage1(const Blip2Config& config, const TensorSource& source, Storage storage);

/// A stage-2 directory's trained half; `language_width` is Dl.
Stage2 load_stage2(const Blip2Config& config, const TensorSource& source, int64_t language_width,
                   Storage storage);

/// The query side of a Stage1, with its text side if asked for, and a projection that is not
/// filled.
Stage2 stage2_from(const Stage1& model, int64_t language_width, TextSide text = TextSide::kAbsent);

/// A stage-2 model with the text side of a Stage1 of the same sizes, whose own query side is not
/// taken. Throws kInvalidArgument where the sizes differ.
Stage2 with_text_side(const Stage2& model, const Stage1& text);

}  // namespace blip2
