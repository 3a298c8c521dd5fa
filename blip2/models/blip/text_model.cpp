// BLIP's text transformer over packed texts, with cross-attention in every layer.
#include "blip2/models/blip/text_model.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/nonzero.h>

#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/limits.h"
#include "blip2/nn/attention.h"
#include "blip2/nn/masks.h"

namespace blip2 {
namespace {

void require_range(const char* name, int64_t value, int64_t high) {
  require_within("BLIP text configuration", name, value, between(1, static_cast<double>(high)));
}

/// What the texts' cross-attention is given must have been made for as many, or for one of several.
void check_context(const Text& text, const BlipTextModel& model, const TextContext& context) {
  BLIP2_CHECK(context.layers.size() == model.layers.size());
  if (text.packing.batch % context.size() != 0) {
    fail(ErrorCode::kInvalidArgument,
         "BLIP: expected a multiple of {} texts, the number of pictures, found {}", context.size(),
         text.packing.batch);
  }
}

void check_length(const BlipTextModel& model, const Text& text) {
  if (text.packing.length > model.config.max_position_embeddings) {
    fail(ErrorCode::kInvalidArgument, "BLIP: expected texts of at most {} tokens, found {}",
         model.config.max_position_embeddings, text.packing.length);
  }
}

/// All layers over packed text under an additive self-attention mask. -> [R, D].
at::Tensor run_layers(const BlipTextModel& model, const Text& text, const at::Tensor& mask,
                      const TextContext* context) {
  check_length(model, text);
  if (context != nullptr) check_context(text, model, *context);
  const Packing& packing = text.packing;
  at::Tensor x = embed_tokens(model, text.ids, packing.positions);  // [R, D]
  for (size_t i = 0; i < model.layers.size(); ++i) {
    const BlipTextLayer& layer = model.layers[i];
    const auto heads = [&](const Linear& linear) {
      return split_heads(to_padded(packing, apply(linear, x)), model.config.num_attention_heads);
    };
    const BertAttention& self = layer.self_attention;
    const at::Tensor attended = attend(heads(self.query), heads(self.key), heads(self.value), mask);
    x = finish_attention(self, to_packed(packing, merge_heads(attended)), x, 0.0);
    if (context != nullptr) {
      const BertAttention& cross = layer.cross_attention;
      const at::Tensor seen = attend_to_context(to_padded(packing, apply(cross.query, x)),
                                                context->layers[i], context->mask);
      x = finish_attention(cross, to_packed(packing, seen), x, 0.0);
    }
    x = apply(layer.feed_forward, x, 0.0);
  }
  return x;
}

}  // namespace

void validate(const BlipTextConfig& config) {
  constexpr int64_t kLargest = int64_t{1} << 24;
  require_range("vocab_size", config.vocab_size, kLargest);
  require_range("hidden_size", config.hidden_size, kLargest);
  require_range("encoder_hidden_size", config.encoder_hidden_size, kLargest);
  require_range("intermediate_size", config.intermediate_size, kLargest);
  require_range("num_hidden_layers", config.num_hidden_layers, 1 << 12);
  require_range("num_attention_heads", config.num_attention_heads, 1 << 16);
  require_range("max_position_embeddings", config.max_position_embeddings, kLargest);
  if (config.hidden_size % config.num_attention_heads != 0) {
    fail(ErrorCode::kInvalidArgument,
         "BLIP text configuration: num_attention_heads ({}) must divide hidden_size ({})",
         config.num_attention_heads, config.hidden_size);
  }
  require_within("BLIP text configuration", "layer_norm_eps", config.layer_norm_eps, above(0));
}

BlipTextModel make_blip_text_model(const BlipTextConfig& config) {
  validate(config);
  const int64_t width = config.hidden_size;
  const double eps = config.layer_norm_eps;
  BlipTextModel model;
  model.config = config;
  model.word_embeddings = make_embedding(config.vocab_size, width);
  model.position_embeddings = make_embedding(config.max_position_embeddings, width);
  model.embedding_norm = make_layer_norm(width, eps);
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    model.layers.push_back({make_bert_attention(width, width, eps),
                            make_bert_attention(width, config.encoder_hidden_size, eps),
                            make_bert_feed_forward(width, config.intermediate_size, eps)});
  }
  return model;
}

void visit(BlipTextModel& model, const Visitor& visitor) {
  visit(model.word_embeddings, visitor.under("word_embeddings"));
  visit(model.position_embeddings, visitor.under("position_embeddings"));
  visit(model.embedding_norm, visitor.under("embedding_norm"));
  for (size_t i = 0; i < model.layers.size(); ++i) {
    BlipTextLayer& layer = model.layers[i];
    const Visitor inner = visitor.under("layers", i);
    visit(layer.self_attention, inner.under("self_attention"));
    visit(layer.cross_attention, inner.under("cross_attention"));
    visit(layer.feed_forward, inner.under("feed_forward"));
  }
}

TextContext project_context(const BlipTextModel& model, const at::Tensor& embeds,
                            const at::Tensor& mask) {
  const int64_t width = model.config.encoder_hidden_size;
  if (embeds.dim() != 3 || embeds.size(2) != width) {
    fail(ErrorCode::kInvalidArgument,
         "BLIP: image_embeds: expected [B, P, {}], found {} dimensions, {} wide", width,
         embeds.dim(), embeds.size(-1));
  }
  TextContext context;
  for (const BlipTextLayer& layer : model.layers) {
    context.layers.push_back(
        project_key_value(layer.cross_attention, embeds, model.config.num_attention_heads));
  }
  if (mask.defined()) {
    BLIP2_CHECK(mask.dim() == 2 && mask.size(0) == embeds.size(0) &&
                mask.size(1) == embeds.size(1));
    context.mask = unimodal_mask(mask);
  }
  return context;
}

TextContext select_rows(const TextContext& context, const at::Tensor& rows) {
  TextContext selected{select_rows(context.layers, rows), {}};
  if (context.mask.defined()) selected.mask = at::index_select(context.mask, 0, rows);
  return selected;
}

at::Tensor embed_tokens(const BlipTextModel& model, const at::Tensor& ids,
                        const at::Tensor& positions) {
  return apply(model.embedding_norm,
               apply(model.word_embeddings, ids) + apply(model.position_embeddings, positions));
}

at::Tensor attend_to_context(const at::Tensor& query, const KeyValue& keys,
                             const at::Tensor& mask) {
  // The texts of one picture are the queries of one attention: its keys are read once for all.
  const int64_t num_contexts = keys.key.size(0), num_heads = keys.key.size(1);
  const at::Tensor grouped = query.reshape({num_contexts, -1, query.size(2)});  // [B, N/B * T, D]
  return merge_heads(attend(split_heads(grouped, num_heads), keys.key, keys.value, mask))
      .view(query.sizes());
}

at::Tensor encode_text(const BlipTextModel& model, const Text& text) {
  return run_layers(model, text, unimodal_mask(text.packing.mask), nullptr);
}

at::Tensor encode_grounded_text(const BlipTextModel& model, const Text& text,
                                const TextContext& context) {
  return run_layers(model, text, unimodal_mask(text.packing.mask), &context);
}

at::Tensor decode_grounded_text(const BlipTextModel& model, const Text& text,
                                const TextContext& context) {
  return run_layers(model, text, multimodal_causal_mask(text.packing.mask, 0), &context);
}

at::Tensor first_rows(const Text& text, const at::Tensor& rows) {
  return gather_rows(rows, (text.packing.positions == 0).nonzero().reshape(-1));
}

}  // namespace blip2
