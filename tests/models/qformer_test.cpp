// The Q-Former and the stage-1 heads against transformers (tools/make_qformer_goldens.py), and
// every shortcut of ours (packed text, cached queries, shared image keys, the short last layer)
// against the plain form.
#include "blip2/models/blip2/qformer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <gtest/gtest.h>

#include <cmath>

#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/blip2/stage1.h"
#include "blip2/models/blip2_model.h"
#include "blip2/models/bundle.h"
#include "blip2/models/names/hugging_face.h"
#include "blip2/models/similarity.h"
#include "blip2/nn/attention.h"
#include "blip2/nn/masks.h"
#include "tests/support/tests_directory.h"

namespace blip2 {
namespace {

Stage1Config golden_config() {
  Stage1Config config;
  config.qformer = {.hidden_size = 24,
                    .num_hidden_layers = 3,
                    .num_attention_heads = 3,
                    .intermediate_size = 36,
                    .vocab_size = 31,
                    .max_position_embeddings = 11,
                    .cross_attention_frequency = 2,
                    .encoder_hidden_size = 20,
                    .num_query_tokens = 5};
  config.embed_dim = 7;
  return config;
}

class QFormerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    file_ = std::make_unique<SafetensorsFile>(testing::tests_directory() /
                                              "golden/qformer/retrieval.safetensors");
    model_ = make_stage1(golden_config());
    Random random(3, "test");
    initialise(model_, random);  // the LM head and the temperature are not in the golden
    std::vector<Slot> slots;
    for (const NamedTensor& named : named_tensors(model_)) {
      const auto theirs = stage1_names().to_theirs(named.name);
      ASSERT_TRUE(theirs.has_value()) << named.name;
      slots.push_back({"model." + *theirs, named.tensor, true});
    }
    const LoadReport report =
        load(*file_, slots, {.copy = true, .ignore_unused = {"in.**", "out.**"}});
    EXPECT_EQ(report.skipped.size(), 6U);  // temp and the five tensors of the LM head
    image_ = file_->read("in.image");
    ids_ = file_->read("in.ids");
    mask_ = file_->read("in.mask");
    text_ = pack_text(ids_, mask_);
    keys_ = project_image(model_.qformer, image_);
  }

  void expect_golden(const at::Tensor& found, const std::string& name) {
    const at::Tensor expected = file_->read(name);
    ASSERT_EQ(found.sizes(), expected.sizes()) << name;
    const double scale = expected.abs().max().item<double>();
    EXPECT_LT((found - expected).abs().max().item<double>(), 1e-5 * scale) << name;
  }

  std::unique_ptr<SafetensorsFile> file_;
  Stage1 model_;
  at::Tensor image_, ids_, mask_;
  Text text_;
  ImageKeyValues keys_;
};

at::Tensor plain_attention(const BertAttention& attention, const at::Tensor& x,
                           const at::Tensor& source, const at::Tensor& mask, int64_t heads) {
  const at::Tensor q = split_heads(apply(attention.query, x), heads);
  const at::Tensor k = split_heads(apply(attention.key, source), heads);
  const at::Tensor v = split_heads(apply(attention.value, source), heads);
  at::Tensor scores =
      at::matmul(q, k.transpose(-1, -2)) / std::sqrt(static_cast<double>(q.size(3)));
  if (mask.defined()) scores = scores + mask;
  return apply(attention.norm,
               apply(attention.output, merge_heads(at::matmul(at::softmax(scores, -1), v))) + x);
}

/// The Q-Former as the specification says it, padded and without any shortcut: [queries ; text]
/// with the given
/// [.., Q + T, Q + T] mask. -> [B, Q + T, D].
at::Tensor plain_joint(const QFormer& qformer, const at::Tensor& image, const at::Tensor& ids,
                       const at::Tensor& mask) {
  const int64_t batch = ids.size(0), length = ids.size(1), queries = qformer.query_tokens.size(1);
  const at::Tensor positions = at::arange(length, at::kLong).unsqueeze(0).expand({batch, length});
  const at::Tensor text =
      apply(*qformer.word_embeddings, ids) + apply(*qformer.position_embeddings, positions);
  at::Tensor x = apply(qformer.embedding_norm,
                       at::cat({qformer.query_tokens.expand({batch, -1, -1}), text}, 1));
  const int64_t heads = qformer.config.num_attention_heads;
  for (const QFormerLayer& layer : qformer.layers) {
    x = plain_attention(layer.self_attention, x, x, mask, heads);
    at::Tensor q = x.narrow(1, 0, queries);
    if (layer.cross_attention) q = plain_attention(*layer.cross_attention, q, image, {}, heads);
    x = at::cat({apply(layer.query_feed_forward, q, 0.0),
                 apply(*layer.text_feed_forward, x.narrow(1, queries, length), 0.0)},
                1);
  }
  return x;
}

TEST_F(QFormerTest, QueriesAsInTransformers) {
  expect_golden(encode_queries(model_.qformer, keys_).hidden, "out.queries");
}

TEST_F(QFormerTest, MatchingAsInTransformers) {
  expect_golden(encode_joint(model_.qformer, keys_, text_), "out.itm_states");
  expect_golden(match_logits(model_, keys_, text_), "out.itm");
}

TEST_F(QFormerTest, ContrastAsInTransformers) {
  const at::Tensor text = encode_text(model_, text_);
  expect_golden(text, "out.text");
  const QueryPass pass = encode_queries(model_.qformer, keys_);
  at::Tensor image = apply(model_.vision_projection, pass.hidden);
  image = image / image.norm(2, -1, true);
  expect_golden(image, "out.image");
  expect_golden(best_query_similarity(image, text), "out.itc");
}

TEST_F(QFormerTest, JointIsThePlainForm) {
  const at::Tensor plain =
      plain_joint(model_.qformer, image_, ids_, bidirectional_mask(mask_, 5)).narrow(1, 0, 5);
  EXPECT_TRUE(at::allclose(encode_joint(model_.qformer, keys_, text_), plain, 1e-4, 1e-5));
}

TEST_F(QFormerTest, CachedCausalIsTheJointFormWithItsMask) {
  const at::Tensor plain =
      plain_joint(model_.qformer, image_, ids_, multimodal_causal_mask_joint(mask_, 5));
  const QueryPass pass = encode_queries(model_.qformer, keys_);
  EXPECT_TRUE(at::allclose(pass.hidden, plain.narrow(1, 0, 5), 1e-4, 1e-5));
  const at::Tensor causal = encode_causal(model_.qformer, pass.cache, text_);
  EXPECT_TRUE(at::allclose(causal, to_packed(text_.packing, plain.narrow(1, 5, 6)), 1e-4, 1e-5));
}

TEST_F(QFormerTest, GenerationLogitsStandWhereThereIsATarget) {
  const int64_t dec = 30;
  const QueryPass pass = encode_queries(model_.qformer, keys_);
  const GenerationLogits found = generation_logits(model_, pass, text_, dec);
  // Plain: [DEC] at position 0, logits everywhere, shifted; lengths 6, 2, 4.
  at::Tensor decoded = ids_.clone();
  decoded.select(1, 0).fill_(dec);
  const at::Tensor hidden =
      plain_joint(model_.qformer, image_, decoded, multimodal_causal_mask_joint(mask_, 5))
          .narrow(1, 5, 6);
  const int64_t lengths[] = {6, 2, 4};
  int64_t row = 0;
  for (int64_t b = 0; b < 3; ++b) {
    for (int64_t t = 0; t + 1 < lengths[b]; ++t, ++row) {
      const at::Tensor logits = apply(model_.lm_head, hidden[b][t].unsqueeze(0),
                                      model_.qformer.word_embeddings->weight)[0];
      EXPECT_TRUE(at::allclose(found.logits[row], logits, 1e-4, 1e-5)) << b << " " << t;
      EXPECT_EQ(found.targets[row].item<int64_t>(), ids_[b][t + 1].item<int64_t>());
    }
  }
  EXPECT_EQ(found.logits.size(0), row);
}

TEST_F(QFormerTest, ABatchEqualsSingles) {
  const at::Tensor all = match_logits(model_, keys_, text_);
  const int64_t lengths[] = {6, 2, 4};
  for (int64_t b = 0; b < 3; ++b) {
    const Text text = pack_text(ids_.narrow(0, b, 1).narrow(1, 0, lengths[b]),
                                mask_.narrow(0, b, 1).narrow(1, 0, lengths[b]));
    const ImageKeyValues keys = select_rows(keys_, at::tensor({b}, at::kLong));
    EXPECT_TRUE(at::allclose(match_logits(model_, keys, text)[0], all[b], 1e-4, 1e-5));
    EXPECT_TRUE(
        at::allclose(encode_text(model_, text)[0], encode_text(model_, text_)[b], 1e-4, 1e-5));
  }
}

TEST_F(QFormerTest, SharedImageKeysGiveThePlainGradient) {
  // Two passes over one projection against two projections: the gradient of the key weights is the
  // same.
  at::Tensor& weight = model_.qformer.layers[2].cross_attention->key.weight;
  weight.set_requires_grad(true);
  const auto loss = [&](const ImageKeyValues& a, const ImageKeyValues& b) {
    return encode_queries(model_.qformer, a).hidden.pow(2).sum() +
           encode_joint(model_.qformer, b, text_).pow(3).sum();
  };
  const ImageKeyValues shared = project_image(model_.qformer, image_);
  loss(shared, shared).backward();
  const at::Tensor gradient = weight.grad().clone();
  weight.mutable_grad() = at::Tensor();
  loss(project_image(model_.qformer, image_), project_image(model_.qformer, image_)).backward();
  EXPECT_TRUE(at::allclose(gradient, weight.grad(), 1e-4, 1e-5));
}

TEST_F(QFormerTest, CrossAttentionMapsAreDistributions) {
  for (const Text* text : {static_cast<const Text*>(nullptr), static_cast<const Text*>(&text_)}) {
    const std::vector<at::Tensor> maps = cross_attention_maps(model_.qformer, image_, text);
    ASSERT_EQ(maps.size(), 2U);
    EXPECT_EQ(maps[0].sizes(), at::IntArrayRef({3, 3, 5, 10}));
    EXPECT_TRUE(at::allclose(maps[1].sum(-1), at::ones({3, 3, 5}), 1e-5, 1e-6));
  }
}

TEST_F(QFormerTest, PairLogitsComeInTheOrderOfThePairs) {
  const TextFeatures texts{ids_, mask_, {}};
  const std::vector<int64_t> images = {2, 0, 2, 1}, rows = {1, 2, 0, 0};
  Bundle bundle;
  put_stage1(bundle, model_);
  const at::Tensor found = pair_logits(bundle, image_, texts, images, rows);
  const ImageKeyValues keys = project_image(model_.qformer, apply(model_.image_norm, image_));
  for (size_t i = 0; i < images.size(); ++i) {
    const at::Tensor row = at::tensor({rows[i]}, at::kLong);
    const Text text = pack_text(ids_.index_select(0, row), mask_.index_select(0, row));
    const at::Tensor alone =
        match_logits(model_, select_rows(keys, at::tensor({images[i]}, at::kLong)), text);
    EXPECT_TRUE(at::allclose(found[static_cast<int64_t>(i)], alone[0], 1e-4, 1e-5)) << i;
  }
}

TEST(QFormer, QueryFeedForwardStartsAsACopyOfTheText) {
  QFormer qformer = make_qformer(golden_config().qformer, TextSide::kPresent);
  Random random(1, "test");
  initialise(qformer, random);
  EXPECT_FALSE(at::allclose(qformer.layers[1].query_feed_forward.up.weight,
                            qformer.layers[1].text_feed_forward->up.weight));
  copy_text_feed_forward_to_queries(qformer);
  for (const QFormerLayer& layer : qformer.layers) {
    EXPECT_TRUE(layer.query_feed_forward.up.weight.equal(layer.text_feed_forward->up.weight));
    EXPECT_TRUE(layer.query_feed_forward.down.bias.equal(layer.text_feed_forward->down.bias));
  }
}

TEST(QFormer, PublishedParameterCounts) {
  // LAVIS with ViT-g: 186,705,470 trainable in stage 1, as it logs itself (github.com/yiren-jian/
  // BLIText, training_logs/BLIP2/training_stage1.txt). Shapes alone are made.
  Stage1Config config;
  config.qformer.encoder_hidden_size = 1408;
  Stage1 model = make_stage1(config);
  EXPECT_EQ(count_parameters(named_tensors(model)), 186705470);
}

}  // namespace
}  // namespace blip2
