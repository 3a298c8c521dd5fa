// Decoding with a T5, one token after another, with cached keys and values.
#include "blip2/models/language/t5_decoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/ones.h>

#include <utility>

#include "blip2/base/error.h"
#include "blip2/nn/attention.h"
#include "blip2/nn/autocast.h"

namespace blip2 {
namespace {

/// Tokens by which the table of position biases grows.
constexpr int64_t kBlock = 64;

}  // namespace

T5Sources::T5Sources(const T5& model, const at::Tensor& encoded, const Packing& packing)
    : mask_(t5_source_mask(packing)), groups_(packing.batch, packing.batch, encoded.device()) {
  const auto heads = [&](const Linear& linear) {
    return widened(split_heads(to_padded(packing, apply(linear, encoded)), model.config.num_heads));
  };
  for (const T5DecoderBlock& block : model.decoder.blocks) {
    layers_.push_back({heads(block.cross_attention.k), heads(block.cross_attention.v)});
  }
}

at::Tensor T5Sources::attend(size_t layer, const at::Tensor& query) const {
  BLIP2_CHECK(query.dim() == 4 && query.size(2) == 1);
  const Autocast exact(Arithmetic::kFloat32);  // as attend_cached()
  // The rows of one source are the queries of one attention; no key is repeated.
  const at::Tensor by_source =
      groups_.to_groups(widened(query).squeeze(2)).transpose(1, 2);  // [P, H, n, K]
  const at::Tensor attended = blip2::attend(by_source, layers_[layer].keys, layers_[layer].values,
                                            mask_, {.scale = kT5AttentionScale});
  return groups_.to_rows(merge_heads(attended)).unsqueeze(1);
}

void T5Sources::select(const at::Tensor& rows) {
  const at::Tensor left = groups_.select(rows);
  if (!left.defined()) return;
  for (Layer& layer : layers_) {
    layer.keys = at::index_select(layer.keys, 0, left);
    layer.values = at::index_select(layer.values, 0, left);
  }
  if (mask_.defined()) mask_ = at::index_select(mask_, 0, left);
}

T5Decoder::T5Decoder(const T5& model, const at::Tensor& embeds, const at::Tensor& mask)
    : model_(model),
      embeds_(embeds),
      mask_(mask),
      num_rows_(embeds.size(0)),
      caches_(model.decoder.blocks.size()) {
  BLIP2_CHECK(embeds.dim() == 3 && embeds.size(1) > 0 && embeds.size(2) == model.config.d_model);
  BLIP2_CHECK(!mask.defined() || (mask.dim() == 2 && mask.size(0) == embeds.size(0) &&
                                  mask.size(1) == embeds.size(1)));
}

at::Tensor T5Decoder::first_logits() {
  BLIP2_CHECK(embeds_.defined());
  const at::Tensor embeds = std::exchange(embeds_, at::Tensor());
  at::Tensor mask = std::exchange(mask_, at::Tensor());
  if (!mask.defined()) mask = at::ones({embeds.size(0), embeds.size(1)}, embeds.options());
  const Packing packing = pack_with_gaps(mask);
  sources_ = T5Sources(model_, t5_encode(model_, to_packed(packing, embeds), packing), packing);
  return next_logits(at::full({num_rows_}, model_.config.decoder_start_token_id,
                              embeds.options().dtype(at::kLong)));
}

at::Tensor T5Decoder::next_logits(const at::Tensor& ids) {
  BLIP2_CHECK(!embeds_.defined() && ids.dim() == 1 && ids.size(0) == num_rows_);
  const auto heads = [&](const Linear& linear, const at::Tensor& x) {
    return apply(linear, x).view({num_rows_, model_.config.num_heads, 1, model_.config.d_kv});
  };
  const at::Tensor bias = position_bias(length_++);
  at::Tensor x = embed(model_, ids);  // [N, Dl]
  for (size_t i = 0; i < caches_.size(); ++i) {
    const T5DecoderBlock& block = model_.decoder.blocks[i];
    const T5Attention& self = block.self_attention;
    const at::Tensor normed = apply(self.layer_norm, x);
    const at::Tensor seen =
        attend_cached(caches_[i], heads(self.q, normed), heads(self.k, normed),
                      heads(self.v, normed), bias, {.scale = kT5AttentionScale});
    x = x + apply(self.o, seen.squeeze(1));
    const T5Attention& cross = block.cross_attention;
    const at::Tensor read = sources_.attend(i, heads(cross.q, apply(cross.layer_norm, x)));
    x = x + apply(cross.o, read.squeeze(1));
    x = apply(block.feed_forward, model_.activation, x);
  }
  return t5_logits(model_, apply(model_.decoder.final_layer_norm, x));
}

void T5Decoder::select(const at::Tensor& rows) {
  BLIP2_CHECK(length_ > 0);
  sources_.select(rows);
  for (KvCache& cache : caches_) cache.select(rows);
  num_rows_ = rows.size(0);
}

at::Tensor T5Decoder::position_bias(int64_t position) {
  const int64_t capacity = biases_.defined() ? biases_.size(3) : 0;
  if (position >= capacity) {
    const Embedding& table = model_.decoder.relative_attention_bias;
    const int64_t farthest = capacity + kBlock - 1;
    const at::Tensor offsets = at::arange(-farthest, 1, table.weight.options().dtype(at::kLong));
    biases_ = apply(table, relative_buckets(offsets, decoder_buckets(model_.config)))
                  .t()
                  .contiguous()
                  .view({1, -1, 1, farthest + 1});
  }
  return biases_.narrow(3, biases_.size(3) - 1 - position, position + 1);
}

}  // namespace blip2
