// Qwen2: a LLaMA with biases on the queries, keys and values alone. Its net and its model are
// LLaMA's; this is its family record. No tokenizer, no chat template.
#pragma once

#include "blip2/models/language/language_model_family.h"

namespace blip2 {

/// `qwen2`.
LanguageModelFamily qwen2_family();

}  // namespace blip2
