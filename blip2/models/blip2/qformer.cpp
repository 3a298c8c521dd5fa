#include "blip2/models/blip2/qformer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>

#include "blip2/base/error.h"
#include "blip2/nn/attention.h"
#include "blip2/nn/masks.h"

namespace blip2 {
namespace {

bool has_cross_attention(const QFormerConfig& config, int64_t layer) {
  return layer % config.cross_attention_frequency == 0;
}

void check(const QFormerConfig& config) {
  if (config.hidden_size <= 0 || config.num_attention_heads <= 0 ||
      config.hidden_size % config.num_attention_heads != 0) {
    fail(ErrorCode::kInvalidArgument,
         "Q-Former: hidden_size {} is not a positive multiple of num_attention_heads {}",
         config.hidden_size, config.num_attention_heads);
  }
  if (config.num_hidden_layers <= 0 || config.intermediate_size <= 0 ||
      config.cross_attention_frequency <= 0 || config.encoder_hidden_size <= 0 ||
      config.num_query_tokens <= 0) {
    fail(ErrorCode::kInvalidArgument,
         "Q-Former: num_hidden_layers, intermediate_size, cross_attention_frequency, "
         "encoder_hidden_size and num_query_tokens must be positive");
  }
}

/// What one self-attention needs of a stretch of rows, heads split: [B, H, S, K].
struct Heads {
  at::Tensor query;
  KeyValue keys;
};

Heads project(const BertAttention& attention, const at::Tensor& x, int64_t num_heads) {
  return {split_heads(apply(attention.query, x), num_heads),
          project_key_value(attention, x, num_heads)};
}

/// The words and positions of packed text, before the layer norm. [R, D].
at::Tensor embed_text(const QFormer& qformer, const Text& text) {
  BLIP2_CHECK(qformer.word_embeddings.has_value());
  return apply(*qformer.word_embeddings, text.ids) +
         apply(*qformer.position_embeddings, text.packing.positions);
}

at::Tensor embed_queries(const QFormer& qformer, int64_t batch, double dropout_rate) {
  const at::Tensor queries = apply(qformer.embedding_norm, qformer.query_tokens);
  return dropout(queries.expand({batch, queries.size(1), queries.size(2)}), dropout_rate);
}

/// Cross-attention to the image and the queries' feed-forward. queries [B, Q, D] -> [B, Q, D].
at::Tensor finish_queries(const QFormer& qformer, size_t layer_index, at::Tensor queries,
                          const ImageKeyValues& image, const Dropout& rates,
                          std::vector<at::Tensor>* maps = nullptr) {
  const QFormerLayer& layer = qformer.layers[layer_index];
  if (layer.cross_attention) {
    const size_t frequency = static_cast<size_t>(qformer.config.cross_attention_frequency);
    const KeyValue& keys = image[layer_index / frequency];
    const at::Tensor heads = split_heads(apply(layer.cross_attention->query, queries),
                                         qformer.config.num_attention_heads);
    at::Tensor attended;
    if (maps != nullptr) {
      auto [values, probabilities] =
          attend_with_probabilities(heads, keys.key, keys.value, at::Tensor());
      attended = values;
      maps->push_back(probabilities);
    } else {
      attended = attend(heads, keys.key, keys.value, at::Tensor(), {.dropout = rates.attention});
    }
    queries =
        finish_attention(*layer.cross_attention, merge_heads(attended), queries, rates.hidden);
  }
  return apply(layer.query_feed_forward, queries, rates.hidden);
}

QueryPass run_queries(const QFormer& qformer, const ImageKeyValues& image, const Dropout& rates,
                      std::vector<at::Tensor>* maps) {
  const int64_t batch = image.front().key.size(0);
  QueryPass pass{embed_queries(qformer, batch, rates.hidden), {}};
  for (size_t i = 0; i < qformer.layers.size(); ++i) {
    const BertAttention& self = qformer.layers[i].self_attention;
    const Heads heads = project(self, pass.hidden, qformer.config.num_attention_heads);
    const at::Tensor attended = attend(heads.query, heads.keys.key, heads.keys.value, at::Tensor(),
                                       {.dropout = rates.attention});
    const at::Tensor x = finish_attention(self, merge_heads(attended), pass.hidden, rates.hidden);
    pass.hidden = finish_queries(qformer, i, x, image, rates, maps);
    pass.cache.push_back(heads.keys);
  }
  return pass;
}

/// Queries [B, Q, D] and packed text rows [R, D] on their way through the joint pass.
struct JointRows {
  at::Tensor queries, text;
};

/// Self-attention of queries and text together; the text's result is left out where `text` is
/// false.
JointRows joint_self_attention(const QFormer& qformer, const BertAttention& self,
                               const JointRows& x, const Packing& packing, const at::Tensor& mask,
                               const Dropout& rates, TextSide text) {
  const int64_t num_heads = qformer.config.num_attention_heads;
  const auto together = [&](const Linear& linear) {  // -> [B, H, Q + T, K]
    return split_heads(
        at::cat({apply(linear, x.queries), to_padded(packing, apply(linear, x.text))}, 1),
        num_heads);
  };
  const at::Tensor query = text == TextSide::kPresent
                               ? together(self.query)
                               : split_heads(apply(self.query, x.queries), num_heads);
  const at::Tensor attended = merge_heads(
      attend(query, together(self.key), together(self.value), mask, {.dropout = rates.attention}));
  const int64_t num_queries = x.queries.size(1);
  JointRows result;
  result.queries =
      finish_attention(self, attended.narrow(1, 0, num_queries), x.queries, rates.hidden);
  if (text == TextSide::kPresent) {
    const at::Tensor rows =
        to_packed(packing, attended.narrow(1, num_queries, attended.size(1) - num_queries));
    result.text = finish_attention(self, rows, x.text, rates.hidden);
  }
  return result;
}

at::Tensor run_joint(const QFormer& qformer, const ImageKeyValues& image, const Text& text,
                     const Dropout& rates, std::vector<at::Tensor>* maps) {
  const Packing& packing = text.packing;
  JointRows x{embed_queries(qformer, packing.batch, rates.hidden),
              dropout(apply(qformer.embedding_norm, embed_text(qformer, text)), rates.hidden)};
  const at::Tensor mask = bidirectional_mask(packing.mask, x.queries.size(1));
  for (size_t i = 0; i < qformer.layers.size(); ++i) {
    const QFormerLayer& layer = qformer.layers[i];
    const bool last = i + 1 == qformer.layers.size();
    x = joint_self_attention(qformer, layer.self_attention, x, packing, mask, rates,
                             last ? TextSide::kAbsent : TextSide::kPresent);
    x.queries = finish_queries(qformer, i, x.queries, image, rates, maps);
    if (!last) x.text = apply(*layer.text_feed_forward, x.text, rates.hidden);
  }
  return x.queries;
}

}  // namespace

QFormer make_qformer(const QFormerConfig& config, TextSide text) {
  check(config);
  const int64_t width = config.hidden_size;
  QFormer qformer;
  qformer.config = config;
  qformer.query_tokens = empty_parameter({1, config.num_query_tokens, width});
  if (text == TextSide::kPresent) {
    qformer.word_embeddings = make_embedding(config.vocab_size, width);
    qformer.position_embeddings = make_embedding(config.max_position_embeddings, width);
  }
  qformer.embedding_norm = make_layer_norm(width, config.layer_norm_eps);
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    const auto feed_forward = [&] {
      return make_bert_feed_forward(width, config.intermediate_size, config.layer_norm_eps);
    };
    QFormerLayer layer;
    layer.self_attention = make_bert_attention(width, width, config.layer_norm_eps);
    if (has_cross_attention(config, i)) {
      layer.cross_attention =
          make_bert_attention(width, config.encoder_hidden_size, config.layer_norm_eps);
    }
    if (text == TextSide::kPresent) layer.text_feed_forward = feed_forward();
    layer.query_feed_forward = feed_forward();
    qformer.layers.push_back(std::move(layer));
  }
  return qformer;
}

void visit(QFormer& qformer, const Visitor& visitor) {
  visitor("query_tokens", qformer.query_tokens);
  if (qformer.word_embeddings) visit(*qformer.word_embeddings, visitor.under("word_embeddings"));
  if (qformer.position_embeddings) {
    visit(*qformer.position_embeddings, visitor.under("position_embeddings"));
  }
  visit(qformer.embedding_norm, visitor.under("embedding_norm"));
  for (size_t i = 0; i < qformer.layers.size(); ++i) {
    QFormerLayer& layer = qformer.layers[i];
    const Visitor inner = visitor.under("layers", i);
    visit(layer.self_attention, inner.under("self_attention"));
    if (layer.cross_attention) visit(*layer.cross_attention, inner.under("cross_attention"));
    if (layer.text_feed_forward) visit(*layer.text_feed_forward, inner.under("text_feed_forward"));
    visit(layer.query_feed_forward, inner.under("query_feed_forward"));
  }
}

void initialise(QFormer& qformer, Random& random) {
  const double std = qformer.config.initializer_range;
  fill_normal(qformer.query_tokens, std, random);
  if (qformer.word_embeddings) {
    fill_normal(qformer.word_embeddings->weight, std, random);
    fill_normal(qformer.position_embeddings->weight, std, random);
  }
  initialise(qformer.embedding_norm);
  for (QFormerLayer& layer : qformer.layers) {
    initialise(layer.self_attention, std, random);
    if (layer.cross_attention) initialise(*layer.cross_attention, std, random);
    if (layer.text_feed_forward) initialise(*layer.text_feed_forward, std, random);
    initialise(layer.query_feed_forward, std, random);
  }
}

void copy_text_feed_forward_to_queries(QFormer& qformer) {
  const at::NoGradGuard no_grad;
  for (QFormerLayer& layer : qformer.layers) {
    BLIP2_CHECK(layer.text_feed_forward.has_value());
    const std::vector<NamedTensor> from = named_tensors(*layer.text_feed_forward);
    const std::vector<NamedTensor> to = named_tensors(layer.query_feed_forward);
    for (size_t i = 0; i < from.size(); ++i) to[i].tensor->copy_(*from[i].tensor);
  }
}

ImageKeyValues project_image(const QFormer& qformer, const at::Tensor& image_embeds) {
  if (image_embeds.dim() != 3 || image_embeds.size(2) != qformer.config.encoder_hidden_size) {
    fail(ErrorCode::kInvalidArgument,
         "image_embeds: expected [B, P, {}], found {} dimensions, {} wide",
         qformer.config.encoder_hidden_size, image_embeds.dim(), image_embeds.size(-1));
  }
  ImageKeyValues image;
  for (const QFormerLayer& layer : qformer.layers) {
    if (!layer.cross_attention) continue;
    image.push_back(project_key_value(*layer.cross_attention, image_embeds,
                                      qformer.config.num_attention_heads));
  }
  return image;
}

QueryPass encode_queries(const QFormer& qformer, const ImageKeyValues& image,
                         const Dropout& rates) {
  return run_queries(qformer, image, rates, nullptr);
}

at::Tensor encode_text(const QFormer& qformer, const Text& text, const Dropout& rates) {
  const Packing& packing = text.packing;
  at::Tensor x = dropout(apply(qformer.embedding_norm, embed_text(qformer, text)), rates.hidden);
  const at::Tensor mask = unimodal_mask(packing.mask);
  const auto heads = [&](const Linear& linear) {
    return split_heads(to_padded(packing, apply(linear, x)), qformer.config.num_attention_heads);
  };
  for (const QFormerLayer& layer : qformer.layers) {
    const BertAttention& self = layer.self_attention;
    const at::Tensor attended = attend(heads(self.query), heads(self.key), heads(self.value), mask,
                                       {.dropout = rates.attention});
    x = finish_attention(self, to_packed(packing, merge_heads(attended)), x, rates.hidden);
    x = apply(*layer.text_feed_forward, x, rates.hidden);
  }
  return x;
}

at::Tensor encode_joint(const QFormer& qformer, const ImageKeyValues& image, const Text& text,
                        const Dropout& rates) {
  return run_joint(qformer, image, text, rates, nullptr);
}

at::Tensor encode_causal(const QFormer& qformer, const std::vector<KeyValue>& query_cache,
                         const Text& text, const Dropout& rates) {
  BLIP2_CHECK(query_cache.size() == qformer.layers.size());
  const Packing& packing = text.packing;
  at::Tensor x = dropout(apply(qformer.embedding_norm, embed_text(qformer, text)), rates.hidden);
  const at::Tensor mask = multimodal_causal_mask(packing.mask, query_cache[0].key.size(2));
  const auto heads = [&](const Linear& linear) {
    return split_heads(to_padded(packing, apply(linear, x)), qformer.config.num_attention_heads);
  };
  for (size_t i = 0; i < qformer.layers.size(); ++i) {
    const QFormerLayer& layer = qformer.layers[i];
    const BertAttention& self = layer.self_attention;
    const at::Tensor key = at::cat({query_cache[i].key, heads(self.key)}, 2);
    const at::Tensor value = at::cat({query_cache[i].value, heads(self.value)}, 2);
    const at::Tensor attended =
        attend(heads(self.query), key, value, mask, {.dropout = rates.attention});
    x = finish_attention(self, to_packed(packing, merge_heads(attended)), x, rates.hidden);
    x = apply(*layer.text_feed_forward, x, rates.hidden);
  }
  return x;
}

std::vector<at::Tensor> cross_attention_maps(const QFormer& qformer, const at::Tensor& image_embeds,
                                             const Text* text) {
  const ImageKeyValues image = project_image(qformer, image_embeds);
  std::vector<at::Tensor> maps;
  if (text == nullptr) {
    run_queries(qformer, image, {}, &maps);
  } else {
    run_joint(qformer, image, *text, {}, &maps);
  }
  return maps;
}

}  // namespace blip2
