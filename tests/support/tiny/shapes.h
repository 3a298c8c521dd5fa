// What several of the tiny models have in common.
#pragma once

#include "blip2/models/blip2/qformer.h"

namespace blip2::testing {

/// Nine words of a WordPiece vocabulary.
inline constexpr const char* kNineWords = "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nred\nfox\n##es\nmoon\n";

/// The Q-Former of tiny_retrieval(), in the nine words and [DEC].
inline QFormerConfig tiny_qformer() {
  QFormerConfig config;
  config.hidden_size = 12;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 3;
  config.intermediate_size = 20;
  config.vocab_size = 10;
  config.max_position_embeddings = 11;
  config.encoder_hidden_size = 6;
  config.num_query_tokens = 5;
  return config;
}

}  // namespace blip2::testing
