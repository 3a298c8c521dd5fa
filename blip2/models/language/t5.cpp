// T5: its tensors, its encoder and its decoder over packed rows.
#include "blip2/models/language/t5.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>

#include <cmath>
#include <limits>

#include "blip2/base/error.h"
#include "blip2/nn/attention.h"
#include "blip2/nn/masks.h"

namespace blip2 {
namespace {

T5Attention make_attention(const T5Config& config) {
  const int64_t inner = config.num_heads * config.d_kv;
  return {make_rms_norm(config.d_model, config.layer_norm_epsilon),
          make_linear(config.d_model, inner, Bias::kNone),
          make_linear(config.d_model, inner, Bias::kNone),
          make_linear(config.d_model, inner, Bias::kNone),
          make_linear(inner, config.d_model, Bias::kNone)};
}

T5FeedForward make_feed_forward(const T5Config& config) {
  T5FeedForward made;
  made.layer_norm = make_rms_norm(config.d_model, config.layer_norm_epsilon);
  const auto up = [&] { return make_linear(config.d_model, config.d_ff, Bias::kNone); };
  if (is_gated(config)) {
    made.wi_0 = up();
    made.wi_1 = up();
  } else {
    made.wi = up();
  }
  made.wo = make_linear(config.d_ff, config.d_model, Bias::kNone);
  return made;
}

template <typename Block>
T5Stack<Block> make_stack(const T5Config& config, std::vector<Block> blocks) {
  return {std::move(blocks),
          make_embedding(config.relative_attention_num_buckets, config.num_heads),
          make_rms_norm(config.d_model, config.layer_norm_epsilon)};
}

/// `bias` is the stack's where this is the first block's self-attention.
void visit(T5Attention& attention, const Visitor& layer, const char* name, Embedding* bias) {
  const Visitor visitor = layer.under(name);
  visit(attention.q, visitor.under("q"));
  visit(attention.k, visitor.under("k"));
  visit(attention.v, visitor.under("v"));
  visit(attention.o, visitor.under("o"));
  if (bias != nullptr) visit(*bias, visitor.under("relative_attention_bias"));
  visit(attention.layer_norm, layer.under("layer_norm"));
}

void visit(T5FeedForward& feed_forward, const Visitor& layer) {
  const Visitor visitor = layer.under("DenseReluDense");
  visit(feed_forward.wi, visitor.under("wi"));
  visit(feed_forward.wi_0, visitor.under("wi_0"));
  visit(feed_forward.wi_1, visitor.under("wi_1"));
  visit(feed_forward.wo, visitor.under("wo"));
  visit(feed_forward.layer_norm, layer.under("layer_norm"));
}

void visit(T5EncoderBlock& block, const Visitor& visitor, Embedding* bias) {
  visit(block.self_attention, visitor.under("layer", 0), "SelfAttention", bias);
  visit(block.feed_forward, visitor.under("layer", 1));
}

void visit(T5DecoderBlock& block, const Visitor& visitor, Embedding* bias) {
  visit(block.self_attention, visitor.under("layer", 0), "SelfAttention", bias);
  visit(block.cross_attention, visitor.under("layer", 1), "EncDecAttention", nullptr);
  visit(block.feed_forward, visitor.under("layer", 2));
}

template <typename Block>
void visit(T5Stack<Block>& stack, const Visitor& visitor) {
  for (size_t i = 0; i < stack.blocks.size(); ++i) {
    Embedding* bias = i == 0 ? &stack.relative_attention_bias : nullptr;
    visit(stack.blocks[i], visitor.under("block", i), bias);
  }
  visit(stack.final_layer_norm, visitor.under("final_layer_norm"));
}

/// The additive bias of every query and key of a sequence: [1, H, T, T].
at::Tensor position_bias(const Embedding& table, const RelativeBuckets& buckets, int64_t length) {
  const at::Tensor positions = at::arange(length, table.weight.options().dtype(at::kLong));
  const at::Tensor offsets = positions.unsqueeze(0) - positions.unsqueeze(1);  // key - query
  return apply(table, relative_buckets(offsets, buckets))
      .permute({2, 0, 1})
      .unsqueeze(0)
      .contiguous();
}

/// x + the attention of packed rows x to the rows `keys`, both already in their places. `keys` is
/// normed x in self-attention, the encoder's output in cross-attention. x: [R, Dl] -> [R, Dl].
struct RowAttention {
  const T5Config& config;
  const Packing& packing;      ///< of x
  const Packing& key_packing;  ///< of the keys' rows
  const at::Tensor& mask;      ///< additive, or undefined

  at::Tensor operator()(const T5Attention& attention, const at::Tensor& x, const at::Tensor& normed,
                        const at::Tensor& keys) const {
    const auto heads = [&](const Packing& rows, const Linear& linear, const at::Tensor& input) {
      return split_heads(to_padded(rows, apply(linear, input)), config.num_heads);
    };
    const at::Tensor attended =
        attend(heads(packing, attention.q, normed), heads(key_packing, attention.k, keys),
               heads(key_packing, attention.v, keys), mask, {.scale = kT5AttentionScale});
    return x + apply(attention.o, to_packed(packing, merge_heads(attended)));
  }
};

void check_rows(const T5& model, const at::Tensor& rows, const Packing& packing) {
  BLIP2_CHECK(rows.dim() == 2 && rows.size(1) == model.config.d_model);
  BLIP2_CHECK(rows.size(0) == packing.positions.size(0));
}

RelativeBuckets buckets(const T5Config& config, bool bidirectional) {
  return {config.relative_attention_num_buckets, config.relative_attention_max_distance,
          bidirectional};
}

}  // namespace

RelativeBuckets decoder_buckets(const T5Config& config) { return buckets(config, false); }
RelativeBuckets encoder_buckets(const T5Config& config) { return buckets(config, true); }

T5 make_t5(const T5Config& config) {
  validate(config);
  T5 model;
  model.config = config;
  model.activation = *parse_activation(config.dense_act_fn);
  model.shared = make_embedding(config.vocab_size, config.d_model);
  std::vector<T5EncoderBlock> encoder;
  for (int64_t i = 0; i < config.num_layers; ++i) {
    encoder.push_back({make_attention(config), make_feed_forward(config)});
  }
  std::vector<T5DecoderBlock> decoder;
  for (int64_t i = 0; i < config.num_decoder_layers; ++i) {
    decoder.push_back({make_attention(config), make_attention(config), make_feed_forward(config)});
  }
  model.encoder = make_stack(config, std::move(encoder));
  model.decoder = make_stack(config, std::move(decoder));
  if (!config.tie_word_embeddings) {
    model.lm_head = make_linear(config.d_model, config.vocab_size, Bias::kNone);
  }
  return model;
}

void visit(T5& model, const Visitor& visitor) {
  visit(model.shared, visitor.under("shared"));
  visit(model.encoder, visitor.under("encoder"));
  visit(model.decoder, visitor.under("decoder"));
  visit(model.lm_head, visitor.under("lm_head"));
}

at::Tensor embed(const T5& model, const at::Tensor& ids) { return apply(model.shared, ids); }

at::Tensor apply(const T5FeedForward& feed_forward, Activation activation, const at::Tensor& x) {
  const at::Tensor normed = apply(feed_forward.layer_norm, x);
  const bool gated = feed_forward.wi_0.weight.defined();
  at::Tensor hidden =
      apply(activation, apply(gated ? feed_forward.wi_0 : feed_forward.wi, normed));  // [..., F]
  if (gated) hidden = hidden * apply(feed_forward.wi_1, normed);
  return x + apply(feed_forward.wo, hidden);
}

at::Tensor t5_source_mask(const Packing& source) {
  if (is_full(source)) return {};
  const at::Tensor hidden = (1.0 - source.mask).view({source.batch, 1, 1, source.length});
  return hidden * double{std::numeric_limits<float>::lowest()};
}

at::Tensor t5_encode(const T5& model, const at::Tensor& inputs_embeds, const Packing& packing) {
  check_rows(model, inputs_embeds, packing);
  at::Tensor mask = position_bias(model.encoder.relative_attention_bias,
                                  encoder_buckets(model.config), packing.length);
  if (!is_full(packing)) mask = mask + t5_source_mask(packing);  // [B, H, T, T]
  const RowAttention attend_rows{model.config, packing, packing, mask};
  at::Tensor x = inputs_embeds;  // [R, Dl]
  for (const T5EncoderBlock& block : model.encoder.blocks) {
    const at::Tensor normed = apply(block.self_attention.layer_norm, x);
    x = attend_rows(block.self_attention, x, normed, normed);
    x = apply(block.feed_forward, model.activation, x);
  }
  return apply(model.encoder.final_layer_norm, x);
}

at::Tensor t5_hidden(const T5& model, const at::Tensor& inputs_embeds, const Packing& packing,
                     const at::Tensor& encoded, const Packing& source) {
  check_rows(model, inputs_embeds, packing);
  check_rows(model, encoded, source);
  BLIP2_CHECK(packing.batch == source.batch);
  // Padding is on the right, where no real token looks: the causal mask alone is enough.
  const at::Tensor self_mask =
      causal_mask(at::ones({1, packing.length}, packing.mask.options()), packing.length) +
      position_bias(model.decoder.relative_attention_bias, decoder_buckets(model.config),
                    packing.length);  // [1, H, T, T]
  const at::Tensor source_mask = t5_source_mask(source);
  const RowAttention attend_self{model.config, packing, packing, self_mask};
  const RowAttention attend_source{model.config, packing, source, source_mask};
  at::Tensor x = inputs_embeds;  // [R, Dl]
  for (const T5DecoderBlock& block : model.decoder.blocks) {
    const at::Tensor normed = apply(block.self_attention.layer_norm, x);
    x = attend_self(block.self_attention, x, normed, normed);
    x = attend_source(block.cross_attention, x, apply(block.cross_attention.layer_norm, x),
                      encoded);
    x = apply(block.feed_forward, model.activation, x);
  }
  return apply(model.decoder.final_layer_norm, x);
}

at::Tensor t5_logits(const T5& model, const at::Tensor& rows) {
  BLIP2_CHECK(rows.dim() == 2 && rows.size(1) == model.config.d_model);
  if (model.lm_head.weight.defined()) return apply(model.lm_head, rows);
  const double scale = 1.0 / std::sqrt(static_cast<double>(model.config.d_model));
  return apply(Linear{model.shared.weight, {}}, rows * scale);
}

}  // namespace blip2
