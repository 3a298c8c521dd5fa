// LAVIS's and BLIP's files against what Hugging Face calls their tensors
// (tools/make_lavis_goldens.py).
#include "blip2/models/names/lavis.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>

#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/open_source.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/blip2/stage1.h"
#include "blip2/models/lavis/shapes.h"
#include "blip2/models/lavis/source.h"
#include "blip2/models/names/hugging_face.h"
#include "tests/checkpoint/golden.h"
#include "tests/models/support.h"

namespace blip2 {
namespace {

using checkpoint_test::error_of;
using checkpoint_test::summarise;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using Summaries = std::map<std::string, std::string>;

std::filesystem::path lavis_file(const std::string& name) {
  return testing::golden("lavis/" + name);
}

nlohmann::json expected(const std::string& file) {
  return nlohmann::json::parse(read_file(lavis_file("expected.json"))).at(file);
}

LavisFile open_lavis(const std::string& name, const LavisOptions& options = {}) {
  return from_lavis(open_source(lavis_file(name)), options);
}

class LavisFiles : public ::testing::TestWithParam<std::string> {};

TEST_P(LavisFiles, HaveHuggingFacesNamesAndValues) {
  const nlohmann::json wanted = expected(GetParam());
  const LavisFile file = open_lavis(GetParam());
  EXPECT_EQ(lavis_title(file.layout), wanted.at("title").get<std::string>());
  EXPECT_EQ(summarise(*file.source), wanted.at("tensors").get<Summaries>());
  EXPECT_EQ(file.unused, wanted.at("unused").get<std::vector<std::string>>());
}

/// What a file needs beside the model's tensors to be whole again.
LavisExtras extras_of(const std::string& file) {
  return {.tied_copies = true, .num_position_ids = file.starts_with("blip_") ? 0 : 11};
}

TEST_P(LavisFiles, ComeBackByteForByte) {
  const auto original = open_source(lavis_file(GetParam()));
  const LavisFile file = open_lavis(GetParam());
  const std::vector<std::string> unused = file.unused;
  // By way of a model directory's file.
  const TemporaryFolder folder;
  std::vector<StoredTensor> tensors;
  for (const TensorInfo& info : file.source->infos()) {
    tensors.push_back({info.name, file.source->read(info.name)});
  }
  write_safetensors(folder / "model.safetensors", tensors);
  const auto back =
      to_lavis(open_source(folder / "model.safetensors"), file.layout, extras_of(GetParam()));
  Summaries found = summarise(*back), wanted = summarise(*original);
  // Derived again, or gone: what no model takes.
  for (const std::string& name : unused) {
    const bool is_derived = GetParam().starts_with("stage1") ||
                            GetParam().starts_with("instruct") || name.ends_with("position_ids");
    if (GetParam().starts_with("blip_") || !is_derived) wanted.erase(name);
  }
  EXPECT_EQ(found, wanted);
}

TEST_P(LavisFiles, LeadToTheSameLayoutWhenWritten) {
  LavisFile file = open_lavis(GetParam());
  const LavisLayout layout = file.layout;
  const auto back = to_lavis(std::move(file.source), layout);
  EXPECT_TRUE(lavis_layout(*back) == layout);
}

INSTANTIATE_TEST_SUITE_P(Goldens, LavisFiles,
                         ::testing::Values("stage1.pth", "stage1_clip.pth", "stage2_opt.pth",
                                           "instruct_t5.pth", "eva_vit.pth", "clip_vit.pth",
                                           "blip_caption.pth", "blip_itm.pth", "blip_vqa.pth"));

QFormerConfig three_heads() {
  QFormerConfig base;
  base.num_attention_heads = 3;
  return base;
}

TEST(LavisShapes, AreThoseOfTheQFormer) {
  const LavisFile file = open_lavis("stage1.pth");
  const QFormerConfig config = qformer_sizes(*file.source, three_heads());
  EXPECT_EQ(config.hidden_size, 12);
  EXPECT_EQ(config.num_hidden_layers, 3);
  EXPECT_EQ(config.num_attention_heads, 3);
  EXPECT_EQ(config.intermediate_size, 20);
  EXPECT_EQ(config.vocab_size, 37);
  EXPECT_EQ(config.max_position_embeddings, 11);
  EXPECT_EQ(config.cross_attention_frequency, 2);
  EXPECT_EQ(config.encoder_hidden_size, 16);
  EXPECT_EQ(config.num_query_tokens, 5);
  EXPECT_EQ(joint_width(*file.source), 7);

  const LavisFile stage2 = open_lavis("stage2_opt.pth");
  EXPECT_EQ(qformer_sizes(*stage2.source, three_heads()).vocab_size, QFormerConfig{}.vocab_size);
  EXPECT_EQ(language_width(*stage2.source), 18);
  EXPECT_EQ(qformer_sizes(*open_lavis("instruct_t5.pth").source, three_heads()).vocab_size, 37);
}

TEST(LavisShapes, AreThoseOfTheImageEncoder) {
  for (const char* name :
       {"eva_vit.pth", "clip_vit.pth", "stage2_opt.pth", "stage1_clip.pth", "blip_caption.pth"}) {
    const LavisFile file = open_lavis(name);
    const VisionSizes sizes = vision_sizes(*file.source, hugging_face_vision_prefix(file.layout));
    EXPECT_EQ(sizes.hidden_size, 16) << name;
    EXPECT_EQ(sizes.intermediate_size, 24) << name;
    EXPECT_EQ(sizes.num_hidden_layers, 2) << name;
    EXPECT_EQ(sizes.patch_size, 4) << name;
    EXPECT_EQ(sizes.image_size, 8) << name;
  }
  const LavisFile captioner = open_lavis("blip_caption.pth");
  const BlipTextSizes text = blip_text_sizes(*captioner.source, "text_decoder.bert.");
  EXPECT_EQ(text.vocab_size, 37);
  EXPECT_EQ(text.hidden_size, 12);
  EXPECT_EQ(text.intermediate_size, 20);
  EXPECT_EQ(text.num_hidden_layers, 2);
  EXPECT_EQ(text.max_position_embeddings, 11);
  EXPECT_EQ(text.encoder_hidden_size, 16);
}

TEST(LavisShapes, RefuseWhatDoesNotFitTogether) {
  const LavisFile stage1 = open_lavis("stage1.pth");
  QFormerConfig five_heads;
  five_heads.num_attention_heads = 5;
  EXPECT_THAT(error_of([&] { qformer_sizes(*stage1.source, five_heads); }),
              HasSubstr("width 12 does not go with 5 heads"));
  EXPECT_THAT(error_of([&] { vision_sizes(*stage1.source, "vision_model."); }),
              HasSubstr("expected a tensor \"vision_model.embeddings.patch_embedding.weight\""));
  const auto vision = [](std::vector<int64_t> kernel, std::vector<int64_t> positions) {
    const auto source =
        make_memory_source("x", {{"embeddings.patch_embedding.weight", at::zeros(kernel)},
                                 {"embeddings.position_embedding", at::zeros(positions)},
                                 {"encoder.layers.0.layer_norm1.weight", at::zeros({4})},
                                 {"encoder.layers.0.mlp.fc1.weight", at::zeros({6, 4})}});
    vision_sizes(*source, "");
  };
  vision({4, 3, 2, 2}, {1, 5, 4});
  EXPECT_THAT(error_of([&] { vision({4, 3, 2, 3}, {1, 5, 4}); }), HasSubstr("[width, 3, size"));
  EXPECT_THAT(error_of([&] { vision({4, 3, 2, 2}, {1, 6, 4}); }), HasSubstr("found 6 rows"));
  EXPECT_THAT(error_of([&] { vision({4, 3, 2, 2}, {1, 1, 4}); }), HasSubstr("found 1 rows"));
  EXPECT_THAT(error_of([&] { vision({4, 3, 2, 2}, {1, 5, 3}); }), HasSubstr("width 4"));
  EXPECT_THAT(error_of([&] { vision({5, 3, 2, 2}, {1, 5, 5}); }), HasSubstr("width 5"));
  EXPECT_THAT(error_of([&] { vision({4, 3, 2, 2}, {5, 4}); }), HasSubstr("3 dimensions"));
}

TEST(Lavis, AStage1FileFillsOurModel) {
  const LavisFile file = open_lavis("stage1.pth");
  Stage1 model = make_stage1({.qformer = qformer_sizes(*file.source, three_heads()),
                              .embed_dim = joint_width(*file.source)});
  const LoadReport report =
      load(*file.source, named_slots(named_tensors(model), stage1_names(), *file.source));
  EXPECT_TRUE(report.ok() && report.skipped.empty());
  EXPECT_FLOAT_EQ(model.temperature.item<float>(), 0.07f);
}

/// The tensors of a golden, to be changed and opened again.
class Changed {
 public:
  explicit Changed(const std::string& file) {
    const auto source = open_source(lavis_file(file));
    for (const TensorInfo& info : source->infos()) tensors_[info.name] = source->read(info.name);
  }
  at::Tensor& operator[](const std::string& name) { return tensors_[name]; }
  void erase(const std::string& name) { tensors_.erase(name); }
  LavisFile open(const LavisOptions& options = {}) const { return from_lavis(source(), options); }
  std::unique_ptr<TensorSource> source() const {
    std::vector<StoredTensor> list;
    for (const auto& [name, tensor] : tensors_) list.push_back({name, tensor});
    return make_memory_source("changed", std::move(list));
  }

 private:
  std::map<std::string, at::Tensor> tensors_;
};

TEST(Lavis, RefusesPiecesThatDoNotFit) {
  Changed eva("eva_vit.pth");
  eva.erase("blocks.0.attn.v_bias");
  EXPECT_THAT(error_of([&] { eva.open(); }),
              HasSubstr("\"blocks.0.attn.q_bias\" is there without \"blocks.0.attn.v_bias\""));
  for (const at::Tensor& bias : {at::ones({15}), at::ones({16}, at::kHalf), at::ones({16, 1})}) {
    eva["blocks.0.attn.v_bias"] = bias;
    EXPECT_THAT(error_of([&] { eva.open(); }), HasSubstr("of one length"));
  }
  eva["blocks.0.attn.v_bias"] = eva["blocks.0.attn.q_bias"] = at::ones({16}, at::kLong);
  EXPECT_THAT(error_of([&] { eva.open(); }), HasSubstr("float type"));

  Changed clip("clip_vit.pth");
  for (const at::Tensor& fused : {at::ones({47, 16}), at::ones({})}) {
    clip["transformer.resblocks.1.attn.in_proj_weight"] = fused;
    EXPECT_THAT(error_of([&] { clip.open(); }), HasSubstr("queries, keys and values"));
  }
  EXPECT_THAT(error_of([] { from_lavis(make_memory_source("x", {{"a", at::ones({1})}})); }),
              HasSubstr("x: expected tensors named as in LAVIS or BLIP"));
  EXPECT_THAT(error_of([] { from_lavis(make_memory_source("x", {})); }), HasSubstr("found none"));
}

TEST(Lavis, KeepsAsManyBlocksAsAsked) {
  const auto layers = [](const LavisFile& file) {
    return vision_sizes(*file.source, hugging_face_vision_prefix(file.layout)).num_hidden_layers;
  };
  for (const char* name : {"eva_vit.pth", "clip_vit.pth"}) {
    EXPECT_EQ(layers(open_lavis(name)), 2);
    EXPECT_EQ(layers(open_lavis(name, {.num_vision_layers = 3})), 3);
    EXPECT_EQ(layers(open_lavis(name, {.num_vision_layers = 1})), 1);
    EXPECT_THAT(error_of([&] { open_lavis(name, {.num_vision_layers = 4}); }),
                HasSubstr("4 blocks of the image encoder wanted, the file has 3"));
  }
  // Without its last norm, an encoder has been cut already.
  Changed cut("eva_vit.pth");
  cut.erase("norm.weight");
  EXPECT_EQ(layers(cut.open()), 3);
}

TEST(Lavis, LetsAStrictLoadSeeForeignTensors) {
  Changed stage1("stage1.pth");
  stage1["Qformer.bert.pooler.weight"] = at::ones({2});
  stage1["blocks.99999999999999999999.x"] = at::ones({2});
  const LavisFile file = stage1.open();
  EXPECT_TRUE(file.source->has("Qformer.bert.pooler.weight"));
  EXPECT_TRUE(file.source->has("blocks.99999999999999999999.x"));
}

TEST(Lavis, TakesATiedCopyWhereOnlyThatIsThere) {
  const Summaries whole = summarise(*open_lavis("stage1.pth").source);
  Changed stage1("stage1.pth");
  stage1.erase("Qformer.bert.embeddings.word_embeddings.weight");
  stage1.erase("Qformer.cls.predictions.bias");
  const LavisFile file = stage1.open();
  EXPECT_EQ(summarise(*file.source), whole);
  EXPECT_EQ(file.unused, std::vector<std::string>{"Qformer.bert.embeddings.position_ids"});
}

TEST(Lavis, WritesOnlyWhatLavisHasAPlaceFor) {
  LavisLayout layout;
  layout.model = LavisModel::kImageEncoder;
  layout.vision = LavisVision::kEva;
  const std::string name = "encoder.layers.0.self_attn.qkv.bias";
  const at::Tensor zero = at::zeros({2});
  const auto write = [&](const at::Tensor& keys) {
    return to_lavis(
        make_memory_source("x", {{name, at::cat({at::ones({2}), keys, at::ones({2}).mul(3)})}}),
        layout);
  };
  EXPECT_TRUE(at::equal(write(zero)->read("blocks.0.attn.v_bias"), at::ones({2}).mul(3)));
  EXPECT_TRUE(at::equal(write(zero)->read("blocks.0.attn.q_bias"), at::ones({2})));
  EXPECT_THAT(error_of([&] { write(at::ones({2}))->read("blocks.0.attn.q_bias"); }),
              HasSubstr("has a bias for the keys"));
  EXPECT_THAT(error_of([&] { write(at::ones({1})); }), HasSubstr("queries, keys and values"));
  EXPECT_THAT(error_of([&] {
                to_lavis(make_memory_source("x", {{"post_layernorm.weight", zero}}), layout);
              }),
              HasSubstr("tensor \"post_layernorm.weight\" has no place in LAVIS's EVA-CLIP image"));
  layout.vision = LavisVision::kClip;
  const std::string attention = "encoder.layers.0.self_attn.";
  EXPECT_THAT(error_of([&] {
                to_lavis(make_memory_source("x", {{attention + "q_proj.bias", zero},
                                                  {attention + "k_proj.bias", zero},
                                                  {attention + "v_proj.bias", at::ones({3})}}),
                         layout);
              }),
              HasSubstr("without a"));
}

TEST(LavisLayout, TellsThePretrainedBlipAndTheLanguageModelsApart) {
  Changed vqa("blip_vqa.pth");
  EXPECT_EQ(lavis_layout(*vqa.source())->model, LavisModel::kBlipAnswerer);
  vqa["itm_head.weight"] = at::ones({2, 12});
  EXPECT_EQ(lavis_layout(*vqa.source())->model, LavisModel::kBlipPretrained);
  EXPECT_EQ(lavis_layout(*vqa.source())->vision, LavisVision::kBlip);

  Changed stage2("stage2_opt.pth");
  EXPECT_EQ(lavis_layout(*stage2.source())->language, LavisLanguage::kOpt);
  EXPECT_FALSE(lavis_layout(*stage2.source())->has_language_model);
  stage2["opt_model.model.decoder.layers.0.fc1.bias"] = at::ones({2});
  EXPECT_TRUE(lavis_layout(*stage2.source())->has_language_model);
  EXPECT_TRUE(stage2.open().source->has("language_model.lm_head.weight"));
  stage2["llm_proj.weight"] = at::ones({2, 12});
  stage2.erase("opt_proj.weight");
  EXPECT_EQ(lavis_layout(*stage2.source())->language, LavisLanguage::kLlm);

  Changed captioner("blip_caption.pth");
  captioner.erase("text_decoder.bert.embeddings.word_embeddings.weight");
  EXPECT_FALSE(lavis_layout(*captioner.source()).has_value());
}

}  // namespace
}  // namespace blip2
