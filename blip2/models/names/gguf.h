// GGUF's (llama.cpp's) names and layouts of the language models: the table, and what differs beside
// names.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "blip2/checkpoint/gguf.h"
#include "blip2/checkpoint/rename.h"
#include "blip2/models/language/llama.h"

namespace blip2 {

/// `model.layers.N.self_attn.q_proj.weight` <-> `blk.N.attn_q.weight` and so on.
const NameTable& llama_gguf_names();

/// The configuration in a GGUF file of architecture "llama", checked against the shapes of its
/// tensors. Throws kUnsupported (another architecture, scaled rotary embedding), kNotFound or
/// kCorruptData.
LlamaConfig llama_config_from_gguf(const GgufFile& file);

/// Undoes GGUF's order of the rows of Q and K, made for rotating neighbours (2j, 2j + 1), so that
/// they suit rotate(), which rotates (j, j + K/2). weight: [H*K, D] -> [H*K, D].
at::Tensor half_split_from_interleaved(const at::Tensor& weight, int64_t num_heads);

/// A LLaMA with a GGUF file's weights, dequantised to float32, frozen. Throws as the two above and
/// load().
Llama load_llama(const GgufFile& file);

}  // namespace blip2
