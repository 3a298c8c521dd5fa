// Hugging Face's names of the first BLIP's tensors: a table between the names that visit() gives
// and those of BlipForConditionalGeneration, BlipForImageTextRetrieval and
// BlipForQuestionAnswering. The image encoder needs no table: its names after `vision_model.` are
// already its own.
#pragma once

#include <string>
#include <vector>

#include "blip2/checkpoint/rename.h"
#include "blip2/models/blip/text_decoder.h"

namespace blip2 {

/// BlipCaptioner, BlipMatcher, BlipAnswerer <-> their Hugging Face classes. The head's bias may
/// also be called `cls.predictions.decoder.bias` there.
const NameTable& blip_names();

/// Patterns of what a file may hold beside the named tensors: the second name of the head's bias,
/// buffers, and, where it is tied, the head's output matrix.
std::vector<std::string> unused_blip_tensors(OutputMatrix output);

}  // namespace blip2
