// BLIP-2 and InstructBLIP as the tasks see them: features and texts of a stage-1 model, texts of a
// stage-2 model.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "blip2/models/bundle.h"

namespace blip2 {

/// Puts a stage-1 model into a bundle, with what it can do. The bundle has its tokenizer already.
void put_stage1(Bundle& bundle, Stage1 model);

/// Puts a stage-2 model into a bundle, with what it can do. The bundle has the language model, its
/// configuration and the tokenizers already.
void put_stage2(Bundle& bundle, Stage2 model);

/// The bundle's Q-Former; null: it has none.
const QFormer* qformer(const Bundle& bundle);

/// The Q-Former's output for each prompt [N, Q, D]. An InstructBLIP reads the prompt. image_embeds:
/// the encoder's raw output [B, P, Dv]. Throws kInvalidArgument for an empty prompt of an
/// InstructBLIP.
at::Tensor prompted_queries(const Bundle& bundle, const at::Tensor& image_embeds,
                            const std::vector<Prompt>& prompts);

}  // namespace blip2
