// The Q-Former's passes: queries alone, text alone, both together, and text after cached queries.
#include "blip2/models/blip2/qformer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>

#include "blip2/base/error.h"
#include "blip2/nn/attention.h"
#include "blip2/nn/masks.h"
#include "blip2/nn/recompute.h"

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

using Tensors = std::vector<at::Tensor>;

/// run(layer, inputs) of layer `index`; what its backward pass needs is kept, or computed again.
template <typename Run>
Tensors run_layer(const QFormer& qformer, size_t index, const Tensors& inputs, const Run& run) {
  const QFormerLayer& layer = qformer.layers[index];
  return qformer.recompute_layers ? recomputed(layer, inputs, run) : run(layer, inputs);
}

/// `first`, and after it the image's keys and values where layer `index` looks at them.
Tensors with_image(const QFormer& qformer, size_t index, const ImageKeyValues& image,
                   Tensors first) {
  if (!qformer.layers[index].cross_attention) return first;
  const KeyValue& keys =
      image[index / static_cast<size_t>(qformer.config.cross_attention_frequency)];
  first.insert(first.end(), {keys.key, keys.value});
  return first;
}

/// What every layer of a pass has in common. Owned: a layer may be run again when the pass is over.
struct PassConstants {
  int64_t num_heads = 0;
  Dropout rates;
  std::vector<at::Tensor>* maps = nullptr;  ///< gets the cross-attention's probabilities
};

/// Cross-attention to the image, and the queries' feed-forward. queries [B, Q, D] -> [B, Q, D].
/// What with_image() appended is the end of `inputs`.
at::Tensor finish_queries(const QFormerLayer& layer, const PassConstants& pass, at::Tensor queries,
                          const Tensors& inputs) {
  if (layer.cross_attention) {
    const at::Tensor &key = inputs[inputs.size() - 2], &value = inputs.back();
    const at::Tensor heads =
        split_heads(apply(layer.cross_attention->query, queries), pass.num_heads);
    at::Tensor attended;
    if (pass.maps != nullptr) {
      auto [values, probabilities] = attend_with_probabilities(heads, key, value, at::Tensor());
      attended = values;
      pass.maps->push_back(probabilities);
    } else {
      attended = attend(heads, key, value, at::Tensor(), {.dropout = pass.rates.attention});
    }
    queries =
        finish_attention(*layer.cross_attention, merge_heads(attended), queries, pass.rates.hidden);
  }
  return apply(layer.query_feed_forward, queries, pass.rates.hidden);
}

QueryPass run_queries(const QFormer& qformer, const ImageKeyValues& image, const Dropout& rates,
                      std::vector<at::Tensor>* maps) {
  const int64_t batch = image.front().key.size(0);
  const PassConstants constants{qformer.config.num_attention_heads, rates, maps};
  // inputs: queries, the image's keys and values -> queries, their keys, their values
  const auto run = [constants](const QFormerLayer& layer, const Tensors& inputs) -> Tensors {
    const BertAttention& self = layer.self_attention;
    const Heads heads = project(self, inputs[0], constants.num_heads);
    const at::Tensor attended = attend(heads.query, heads.keys.key, heads.keys.value, at::Tensor(),
                                       {.dropout = constants.rates.attention});
    const at::Tensor x =
        finish_attention(self, merge_heads(attended), inputs[0], constants.rates.hidden);
    return {finish_queries(layer, constants, x, inputs), heads.keys.key, heads.keys.value};
  };
  QueryPass pass{embed_queries(qformer, batch, rates.hidden), {}};
  for (size_t i = 0; i < qformer.layers.size(); ++i) {
    const Tensors outputs =
        run_layer(qformer, i, with_image(qformer, i, image, {pass.hidden}), run);
    pass.hidden = outputs[0];
    pass.cache.push_back({outputs[1], outputs[2]});
  }
  return pass;
}

/// Queries [B, Q, D] and packed text rows [R, D] on their way through the joint pass.
struct JointRows {
  at::Tensor queries, text;
};

/// Self-attention of queries and text together; the text's result is left out where `text` is
/// absent. Each weight meets all rows at once.
JointRows joint_self_attention(const BertAttention& self, const PassConstants& pass,
                               const JointRows& x, const Packing& packing, const at::Tensor& mask,
                               TextSide text) {
  const int64_t num_queries = x.queries.size(1), width = x.queries.size(2);
  const int64_t query_rows = packing.batch * num_queries, text_rows = x.text.size(0);
  const at::Tensor all = at::cat({x.queries.reshape({query_rows, width}), x.text});  // [B*Q + R, D]
  const auto heads = [&](const Linear& linear) {  // -> [B, H, Q + T, K]
    const at::Tensor rows = apply(linear, all);
    const at::Tensor of_queries =
        rows.narrow(0, 0, query_rows).view({packing.batch, num_queries, width});
    const at::Tensor of_text = to_padded(packing, rows.narrow(0, query_rows, text_rows));
    return split_heads(at::cat({of_queries, of_text}, 1), pass.num_heads);
  };
  const at::Tensor query = text == TextSide::kPresent
                               ? heads(self.query)
                               : split_heads(apply(self.query, x.queries), pass.num_heads);
  const at::Tensor attended = merge_heads(
      attend(query, heads(self.key), heads(self.value), mask, {.dropout = pass.rates.attention}));
  if (text == TextSide::kAbsent) {
    return {finish_attention(self, attended, x.queries, pass.rates.hidden), {}};
  }
  const at::Tensor packed =
      at::cat({attended.narrow(1, 0, num_queries).reshape({query_rows, width}),
               to_packed(packing, attended.narrow(1, num_queries, packing.length))});
  const at::Tensor rows = finish_attention(self, packed, all, pass.rates.hidden);
  return {rows.narrow(0, 0, query_rows).view({packing.batch, num_queries, width}),
          rows.narrow(0, query_rows, text_rows)};
}

at::Tensor run_joint(const QFormer& qformer, const ImageKeyValues& image, const Text& text,
                     const Dropout& rates, std::vector<at::Tensor>* maps) {
  const Packing& packing = text.packing;
  const PassConstants constants{qformer.config.num_attention_heads, rates, maps};
  at::Tensor queries = embed_queries(qformer, packing.batch, rates.hidden);
  at::Tensor rows = dropout(apply(qformer.embedding_norm, embed_text(qformer, text)), rates.hidden);
  const at::Tensor mask = bidirectional_mask(packing.mask, queries.size(1));
  for (size_t i = 0; i < qformer.layers.size(); ++i) {
    const TextSide side = i + 1 == qformer.layers.size() ? TextSide::kAbsent : TextSide::kPresent;
    // inputs: queries, text, the image's keys and values -> queries, text
    const auto run = [constants, packing, mask, side](const QFormerLayer& layer,
                                                      const Tensors& inputs) -> Tensors {
      const JointRows x = joint_self_attention(layer.self_attention, constants,
                                               {inputs[0], inputs[1]}, packing, mask, side);
      Tensors outputs = {finish_queries(layer, constants, x.queries, inputs)};
      if (side == TextSide::kPresent) {
        outputs.push_back(apply(*layer.text_feed_forward, x.text, constants.rates.hidden));
      }
      return outputs;
    };
    const Tensors outputs =
        run_layer(qformer, i, with_image(qformer, i, image, {queries, rows}), run);
    queries = outputs[0];
    if (side == TextSide::kPresent) rows = outputs[1];
  }
  return queries;
}

/// Text alone through the layers, after cached keys and values of queries where there are some. ->
/// packed rows [R, D].
at::Tensor run_text(const QFormer& qformer, const Text& text, const at::Tensor& mask,
                    const std::vector<KeyValue>* query_cache, const Dropout& rates) {
  const Packing& packing = text.packing;
  const PassConstants constants{qformer.config.num_attention_heads, rates};
  // inputs: text, the cached keys and values -> text
  const auto run = [constants, packing, mask](const QFormerLayer& layer,
                                              const Tensors& inputs) -> Tensors {
    const BertAttention& self = layer.self_attention;
    const auto heads = [&](const Linear& linear, size_t cached) {
      const at::Tensor own =
          split_heads(to_padded(packing, apply(linear, inputs[0])), constants.num_heads);
      return cached < inputs.size() ? at::cat({inputs[cached], own}, 2) : own;
    };
    const at::Tensor attended =
        attend(heads(self.query, inputs.size()), heads(self.key, 1), heads(self.value, 2), mask,
               {.dropout = constants.rates.attention});
    const at::Tensor x = finish_attention(self, to_packed(packing, merge_heads(attended)),
                                          inputs[0], constants.rates.hidden);
    return {apply(*layer.text_feed_forward, x, constants.rates.hidden)};
  };
  at::Tensor x = dropout(apply(qformer.embedding_norm, embed_text(qformer, text)), rates.hidden);
  for (size_t i = 0; i < qformer.layers.size(); ++i) {
    Tensors inputs = {x};
    if (query_cache != nullptr) {
      inputs.insert(inputs.end(), {(*query_cache)[i].key, (*query_cache)[i].value});
    }
    x = run_layer(qformer, i, inputs, run)[0];
  }
  return x;
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

void visit(QFormerLayer& layer, const Visitor& visitor) {
  visit(layer.self_attention, visitor.under("self_attention"));
  if (layer.cross_attention) visit(*layer.cross_attention, visitor.under("cross_attention"));
  if (layer.text_feed_forward) visit(*layer.text_feed_forward, visitor.under("text_feed_forward"));
  visit(layer.query_feed_forward, visitor.under("query_feed_forward"));
}

void visit(QFormer& qformer, const Visitor& visitor) {
  visitor("query_tokens", qformer.query_tokens);
  if (qformer.word_embeddings) visit(*qformer.word_embeddings, visitor.under("word_embeddings"));
  if (qformer.position_embeddings) {
    visit(*qformer.position_embeddings, visitor.under("position_embeddings"));
  }
  visit(qformer.embedding_norm, visitor.under("embedding_norm"));
  for (size_t i = 0; i < qformer.layers.size(); ++i) {
    visit(qformer.layers[i], visitor.under("layers", i));
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
  return run_text(qformer, text, unimodal_mask(text.packing.mask), nullptr, rates);
}

at::Tensor encode_joint(const QFormer& qformer, const ImageKeyValues& image, const Text& text,
                        const Dropout& rates) {
  return run_joint(qformer, image, text, rates, nullptr);
}

at::Tensor encode_causal(const QFormer& qformer, const std::vector<KeyValue>& query_cache,
                         const Text& text, const Dropout& rates) {
  BLIP2_CHECK(query_cache.size() == qformer.layers.size());
  const at::Tensor mask = multimodal_causal_mask(text.packing.mask, query_cache[0].key.size(2));
  return run_text(qformer, text, mask, &query_cache, rates);
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
