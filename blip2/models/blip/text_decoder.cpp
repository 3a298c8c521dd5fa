// BLIP's text decoder: logits of packed texts, and decoding with a cache.
#include "blip2/models/blip/text_decoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/ones.h>

#include <utility>

#include "blip2/base/error.h"
#include "blip2/nn/attention.h"
#include "blip2/nn/masks.h"

namespace blip2 {

BlipTextDecoder make_blip_text_decoder(const BlipTextConfig& config, OutputMatrix output) {
  BlipTextDecoder decoder;
  decoder.text = make_blip_text_model(config);
  decoder.lm_head = make_bert_lm_head(config.hidden_size, config.vocab_size, config.layer_norm_eps);
  if (output == OutputMatrix::kOwn) {
    decoder.output_weight = empty_parameter({config.vocab_size, config.hidden_size});
  }
  return decoder;
}

void visit(BlipTextDecoder& decoder, const Visitor& visitor) {
  visit(decoder.text, visitor.under("text"));
  visit(decoder.lm_head, visitor.under("lm_head"));
  visitor("output_weight", decoder.output_weight);
}

at::Tensor logits(const BlipTextDecoder& decoder, const at::Tensor& rows) {
  const at::Tensor& weight =
      decoder.output_weight.defined() ? decoder.output_weight : decoder.text.word_embeddings.weight;
  return apply(decoder.lm_head, rows, weight);
}

NextTokens next_tokens(const BlipTextDecoder& decoder, const Text& text,
                       const TextContext& context) {
  const at::Tensor rows = decode_grounded_text(decoder.text, text, context);  // [R, D]
  const at::Tensor& positions = text.packing.positions;
  // A row has a next token where the row after it does not start a text.
  const at::Tensor has_next =
      (positions.narrow(0, 1, positions.size(0) - 1) != 0).nonzero().reshape(-1);  // [M]
  const at::Tensor slots = at::index_select(text.packing.to_packed, 0, has_next);
  return {logits(decoder, gather_rows(rows, has_next)), at::index_select(text.ids, 0, has_next + 1),
          slots.floor_divide(text.packing.length)};
}

BlipDecoder::BlipDecoder(const BlipTextDecoder& model, TextContext context,
                         const at::Tensor& prompt_ids, const at::Tensor& prompt_mask)
    : model_(model),
      context_(std::move(context)),
      prompt_ids_(prompt_ids),
      caches_(model.text.layers.size()) {
  BLIP2_CHECK(prompt_ids.dim() == 2 && prompt_ids.size(1) > 0);
  BLIP2_CHECK(context_.layers.size() == model.text.layers.size());
  BLIP2_CHECK(prompt_ids.size(0) > 0 && prompt_ids.size(0) % context_.size() == 0);
  const int64_t room = model.text.config.max_position_embeddings;
  if (prompt_ids.size(1) > room) {
    fail(ErrorCode::kInvalidArgument, "BLIP: expected a prompt of at most {} tokens, found {}",
         room, prompt_ids.size(1));
  }
  groups_ = RowGroups(prompt_ids.size(0), context_.size(), prompt_ids.device());
  if (!prompt_mask.defined()) return;
  BLIP2_CHECK(prompt_mask.sizes() == prompt_ids.sizes());
  key_mask_ = prompt_mask.to(at::kFloat);
}

at::Tensor BlipDecoder::first_logits() {
  BLIP2_CHECK(prompt_ids_.defined());
  const int64_t num_rows = prompt_ids_.size(0), length = prompt_ids_.size(1);
  at::Tensor positions;  // [N, S]
  if (key_mask_.defined()) {
    const at::Tensor counted = key_mask_.to(at::kLong).cumsum(1);
    positions = (counted - 1).clamp_min(0);
    next_positions_ = counted.select(1, length - 1).clone();
  } else {
    positions = at::arange(length, prompt_ids_.options()).unsqueeze(0).expand({num_rows, length});
    next_positions_ = at::full({num_rows}, length, prompt_ids_.options());
  }
  return run(std::exchange(prompt_ids_, at::Tensor()), positions);
}

at::Tensor BlipDecoder::next_logits(const at::Tensor& ids) {
  BLIP2_CHECK(next_positions_.defined() && ids.dim() == 1 &&
              ids.size(0) == next_positions_.size(0));
  if (key_mask_.defined()) {
    key_mask_ = at::cat({key_mask_, at::ones({ids.size(0), 1}, key_mask_.options())}, 1);
  }
  const at::Tensor positions = next_positions_.unsqueeze(1);
  next_positions_ = next_positions_ + 1;
  return run(ids.unsqueeze(1), positions);
}

at::Tensor BlipDecoder::run(const at::Tensor& ids, const at::Tensor& positions) {
  const BlipTextModel& text = model_.text;
  const int64_t num_new = ids.size(1);
  at::Tensor x = embed_tokens(text, ids, positions);  // [N, T, D]
  at::Tensor mask;  // [N or 1, 1, T, S]; one new token sees everything, unless there is padding
  if (key_mask_.defined()) {
    mask = causal_mask(key_mask_, num_new);
  } else if (num_new > 1) {
    mask = causal_mask(at::ones({1, num_new}, x.options()), num_new);
  }
  for (size_t i = 0; i < text.layers.size(); ++i) {
    const BlipTextLayer& layer = text.layers[i];
    const BertAttention& self = layer.self_attention;
    const at::Tensor query =
        split_heads(apply(self.query, x), text.config.num_attention_heads);  // [N, H, T, K]
    const KeyValue fresh = project_key_value(self, x, text.config.num_attention_heads);
    x = finish_attention(self, attend_cached(caches_[i], query, fresh.key, fresh.value, mask), x,
                         0.0);
    x = finish_attention(layer.cross_attention, look(i, apply(layer.cross_attention.query, x)), x,
                         0.0);
    x = apply(layer.feed_forward, x, 0.0);
  }
  return logits(model_, x.select(1, num_new - 1));
}

at::Tensor BlipDecoder::look(size_t index, const at::Tensor& query) const {
  const at::Tensor grouped = groups_.to_groups(query);  // [B, G, T, D]
  const at::Tensor seen =
      attend_to_context(grouped.flatten(0, 1), context_.layers[index], context_.mask);
  return groups_.to_rows(seen.view(grouped.sizes()));
}

void BlipDecoder::select(const at::Tensor& rows) {
  BLIP2_CHECK(next_positions_.defined());
  const at::NoGradGuard no_grad;
  for (KvCache& cache : caches_) cache.select(rows);
  next_positions_ = at::index_select(next_positions_, 0, rows);
  if (key_mask_.defined()) key_mask_ = at::index_select(key_mask_, 0, rows);
  const at::Tensor left = groups_.select(rows);
  if (left.defined()) context_ = select_rows(context_, left);
}

}  // namespace blip2
