// The first BLIP's text transformer with a language-modelling head (Hugging Face's
// `BlipTextLMHeadModel`): what writes captions, and answers to questions.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "blip2/models/blip/text_model.h"
#include "blip2/nn/decoder.h"
#include "blip2/nn/kv_cache.h"
#include "blip2/nn/row_groups.h"

namespace blip2 {

/// Whether the head multiplies with the word embeddings or with a matrix of its own. Hugging Face
/// asks `text_config.tie_word_embeddings` (true where it is not said): where they are tied, a
/// matrix of the head in the file counts for nothing.
enum class OutputMatrix { kTied, kOwn };

struct BlipTextDecoder {
  BlipTextModel text;
  BertLmHead lm_head;
  at::Tensor output_weight;  // [V, D]; undefined where it is tied to the word embeddings
};

/// A decoder of the given shape, uninitialised. Throws as validate() does.
BlipTextDecoder make_blip_text_decoder(const BlipTextConfig& config, OutputMatrix output);
void visit(BlipTextDecoder& decoder, const Visitor& visitor);

/// rows: [M, D] of decode_grounded_text -> [M, V].
at::Tensor logits(const BlipTextDecoder& decoder, const at::Tensor& rows);

struct NextTokens {
  at::Tensor logits;   // [M, V]: one row for each token of a text but the first
  at::Tensor targets;  // [M] int64: these tokens
  at::Tensor texts;    // [M] int64: which text they are of
};

/// What the decoder expects of given texts, token by token: logits where there is a next token, and
/// nowhere else. A text starts with [DEC]; its [SEP] is the learned end.
NextTokens next_tokens(const BlipTextDecoder& decoder, const Text& text,
                       const TextContext& context);

/// Writes N rows token by token, with caches, without gradients. The model must outlive it.
///
/// The prompt's ids are the caller's: a caption starts from [DEC] alone, or from a tokenized prompt
/// whose [CLS] has become [DEC] and whose last token, [SEP], is dropped; an answer starts from
/// [DEC]. [SEP] ends a text.
///
/// Whoever decodes stops at `max_position_embeddings` tokens, the prompt's included.
///
/// Rows that look at the same picture share its keys and values, however select() forks and orders
/// them.
class BlipDecoder : public Decoder {
 public:
  /// prompt_ids [N, S] int64, prompt_mask [N, S] of 0/1 with padding on the left, or undefined
  /// where there is none; N a multiple of the contexts. Positions count the real tokens. Throws
  /// kInvalidArgument for a prompt that is longer than the model's positions.
  BlipDecoder(const BlipTextDecoder& model, TextContext context, const at::Tensor& prompt_ids,
              const at::Tensor& prompt_mask);

  void select(const at::Tensor& rows) override;

 private:
  at::Tensor first_logits() override;
  at::Tensor next_logits(const at::Tensor& ids) override;
  /// ids, positions [N, T] -> logits after the last token, [N, V].
  at::Tensor run(const at::Tensor& ids, const at::Tensor& positions);
  /// Cross-attention of layer `index`: queries [N, T, D] -> [N, T, D].
  at::Tensor look(size_t index, const at::Tensor& query) const;

  const BlipTextDecoder& model_;
  TextContext context_;
  at::Tensor prompt_ids_;      // [N, S], until start()
  at::Tensor key_mask_;        // [N, S] of the cache, or undefined
  at::Tensor next_positions_;  // [N] int64
  RowGroups groups_;           // rows by the context that they look at
  std::vector<KvCache> caches_;
};

}  // namespace blip2
