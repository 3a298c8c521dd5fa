// The tokenizer that a GGUF file carries in its metadata.
#pragma once

#include <memory>

#include "blip2/checkpoint/gguf.h"
#include "blip2/text/tokenizer.h"

namespace blip2 {

/// Byte-level BPE (`tokenizer.ggml.model` = "gpt2"). Throws kUnsupported for another kind,
/// kNotFound or kCorruptData for metadata that is missing or does not fit together.
std::unique_ptr<Tokenizer> tokenizer_from_gguf(const GgufFile& file);

}  // namespace blip2
