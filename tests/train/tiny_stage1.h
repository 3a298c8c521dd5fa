// A stage 1 of a few thousand weights, all dimensions distinct.
#pragma once

#include "blip2/models/blip2/stage1.h"

namespace blip2::testing {

/// 4 queries, 40 tokens, images of width 9. Weights large enough that every term is felt.
inline Stage1Config tiny_stage1_config() {
  Stage1Config config;
  config.qformer = {.hidden_size = 12,
                    .num_hidden_layers = 2,
                    .num_attention_heads = 3,
                    .intermediate_size = 20,
                    .vocab_size = 40,
                    .max_position_embeddings = 16,
                    .encoder_hidden_size = 9,
                    .num_query_tokens = 4};
  config.qformer.initializer_range = 0.3;
  config.embed_dim = 7;
  return config;
}

}  // namespace blip2::testing
