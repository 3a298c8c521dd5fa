// What training starts from: parts out of BERTs, models and files, tiny ones and the real ones of
// the demo.
#include "blip2/models/directory/assemble.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/std.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>

#include <map>

#include "blip2/base/error.h"
#include "blip2/checkpoint/open_source.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/bundle.h"
#include "blip2/models/configs/image_processor.h"
#include "blip2/models/convert.h"
#include "blip2/models/directory/frozen_parts.h"
#include "blip2/models/directory/inspect.h"
#include "tests/models/support.h"
#include "tests/support/tiny/models.h"
#include "tests/support/tiny/parts.h"

namespace blip2 {
namespace {

namespace fs = std::filesystem;
using testing::relative_difference;
using testing::TemporaryFolder;

using Tensors = std::map<std::string, at::Tensor>;

template <typename Model>
Tensors tensors_of(Model& model) {
  Tensors all;
  for (const NamedTensor& named : named_tensors(model)) all[named.name] = *named.tensor;
  return all;
}

fs::path lite0() { return testing::assets() / "models/efficientnet_lite0"; }
fs::path minilm() { return testing::assets() / "models/all_minilm_l6_v2"; }
fs::path smollm2() { return testing::assets() / "models/smollm2_135m_instruct"; }

double std_of(const at::Tensor& tensor) { return tensor.std().item<double>(); }

/// Directories of the tiny models, and options that name them.
class Assemble : public ::testing::Test {
 protected:
  void SetUp() override {
    save_bundle(testing::tiny_retrieval(folder.path()), folder / "stage1");
    save_bundle(testing::tiny_stage2(folder.path()), folder / "stage2");
    options.image_encoder = folder / "stage1";
    options.language_model = folder / "stage2";
    options.num_query_token = 5;
    options.embed_dim = 7;
    options.max_text_length = 8;
  }
  std::string bert(bool prefixed) {
    const auto names = prefixed ? testing::BertNames::kPrefixed : testing::BertNames::kPlain;
    return testing::write_tiny_bert_of_nine_words(folder / (prefixed ? "prefixed" : "bert"), names)
        .string();
  }

  TemporaryFolder folder;
  AssembleOptions options;
};

TEST_F(Assemble, ABertBecomesTheTextSide) {
  for (const bool prefixed : {false, true}) {
    options.qformer = bert(prefixed);
    Bundle bundle = assemble_stage1(options);
    Tensors ours = tensors_of(*bundle.stage1);
    const auto source = open_source(options.qformer);
    const std::string prefix = prefixed ? "bert." : "";
    const auto theirs = [&](const std::string& name) { return source->read(prefix + name); };
    const at::Tensor words = theirs("embeddings.word_embeddings.weight");  // [9, 12]
    EXPECT_TRUE(ours["qformer.word_embeddings.weight"].narrow(0, 0, 9).equal(words));
    EXPECT_TRUE(ours["qformer.layers.1.self_attention.value.weight"].equal(
        theirs("encoder.layer.1.attention.self.value.weight")));
    EXPECT_TRUE(ours["qformer.layers.2.text_feed_forward.norm.bias"].equal(
        theirs("encoder.layer.2.output.LayerNorm.bias")));
    EXPECT_TRUE(ours["qformer.layers.2.query_feed_forward.up.weight"].equal(
        theirs("encoder.layer.2.intermediate.dense.weight")));
    EXPECT_TRUE(ours["qformer.position_embeddings.weight"].equal(
        theirs("embeddings.position_embeddings.weight") +
        theirs("embeddings.token_type_embeddings.weight")[0]));
    // [DEC], the tenth word, is [CLS] and a little noise.
    const at::Tensor noise = ours["qformer.word_embeddings.weight"][9] - words[2];
    EXPECT_GT(std_of(noise), 0.005);
    EXPECT_LT(std_of(noise), 0.05);
    EXPECT_EQ(ours["lm_head.bias"].size(0), 10);
    EXPECT_EQ(ours["lm_head.bias"][9].item<float>(), 0.0f);
    if (prefixed) {
      EXPECT_TRUE(ours["lm_head.bias"].narrow(0, 0, 9).equal(source->read("cls.predictions.bias")));
      EXPECT_TRUE(ours["lm_head.transform.weight"].equal(
          source->read("cls.predictions.transform.dense.weight")));
    } else {
      EXPECT_NEAR(std_of(ours["lm_head.transform.weight"]), 0.02, 0.005);
    }
    EXPECT_NEAR(ours["temperature"].item<double>(), 0.07, 1e-7);
    EXPECT_EQ(bundle.qformer_tokenizer->special_ids().dec, 9);
    EXPECT_EQ(bundle.max_text_length, 8);
  }
}

TEST_F(Assemble, TokenTypesMayBeLeftOut) {
  options.qformer = bert(false);
  options.fold_token_types = false;
  Bundle bundle = assemble_stage1(options);
  EXPECT_TRUE(bundle.stage1->qformer.position_embeddings->weight.equal(
      open_source(options.qformer)->read("embeddings.position_embeddings.weight")));
}

TEST_F(Assemble, ASeedGivesTheSameWeights) {
  options.qformer = bert(false);
  Bundle first = assemble_stage1(options), again = assemble_stage1(options);
  options.seed = 43;
  Bundle other = assemble_stage1(options);
  for (const auto& [name, tensor] : tensors_of(*first.stage1)) {
    EXPECT_TRUE(tensor.equal(tensors_of(*again.stage1)[name])) << name;
  }
  EXPECT_FALSE(first.stage1->qformer.query_tokens.equal(other.stage1->qformer.query_tokens));
  EXPECT_TRUE(first.stage1->qformer.layers[1].self_attention.key.weight.equal(
      other.stage1->qformer.layers[1].self_attention.key.weight));
}

TEST_F(Assemble, AStage1ModelIsTakenExactlyAsItIs) {
  options.qformer = (folder / "stage1").string();
  Bundle source = load_bundle(folder / "stage1");
  Bundle bundle = assemble_stage1(options);
  for (const auto& [name, tensor] : tensors_of(*bundle.stage1)) {
    EXPECT_TRUE(tensor.equal(tensors_of(*source.stage1)[name])) << name;
  }
  EXPECT_EQ(bundle.stage1->image_norm.eps, 1e-5);
  bundle.stage1->temperature.add_(1);  // trained tensors are memory of their own
}

TEST_F(Assemble, Stage2TakesTheQuerySideAndAFreshProjection) {
  options.qformer = (folder / "stage1").string();
  options.prompt = "a photo of";
  Bundle source = load_bundle(folder / "stage1");
  Bundle bundle = assemble_stage2(options);
  const Tensors stage1 = tensors_of(*source.stage1);
  for (const auto& [name, tensor] : tensors_of(*bundle.stage2)) {
    if (name.starts_with("language_projection.")) continue;
    EXPECT_TRUE(tensor.equal(stage1.at(name))) << name;
  }
  const at::NoGradGuard no_grad;
  const LanguageModelPart language = open_language_model(folder / "stage2");
  const at::Tensor embeddings = language.model->embed(at::arange(language.shape.vocab_size));
  const double scale = std_of(embeddings) / std::sqrt(12.0);
  EXPECT_NEAR(std_of(bundle.stage2->language_projection.weight), scale, 0.15 * scale);
  EXPECT_EQ(bundle.stage2->language_projection.bias.abs().max().item<float>(), 0.0f);
  EXPECT_EQ(bundle.prompt, "a photo of");
  save_bundle(bundle, folder / "model");
  EXPECT_NO_THROW(load_bundle(folder / "model"));
}

TEST_F(Assemble, Stage2GoesOnFromAStage2Model) {
  options.qformer = (folder / "stage2").string();
  options.image_encoder = folder / "stage2";
  Bundle source = load_bundle(folder / "stage2");
  Bundle bundle = assemble_stage2(options);
  for (const auto& [name, tensor] : tensors_of(*bundle.stage2)) {
    EXPECT_TRUE(tensor.equal(tensors_of(*source.stage2)[name])) << name;
  }
}

TEST_F(Assemble, Stage2FromABertHasRandomQueries) {
  options.qformer = bert(false);
  Bundle bundle = assemble_stage2(options);
  Tensors ours = tensors_of(*bundle.stage2);
  const auto source = open_source(options.qformer);
  EXPECT_TRUE(ours["qformer.layers.0.self_attention.query.weight"].equal(
      source->read("encoder.layer.0.attention.self.query.weight")));
  EXPECT_NEAR(std_of(ours["qformer.query_tokens"]), 0.02, 0.008);
  options.qformer = "bert-base";
  EXPECT_EQ(assemble_stage2(options).stage2->qformer.config.hidden_size, 768);
}

TEST_F(Assemble, RefusesWhatDoesNotFit) {
  const auto refused = [&](const std::string& qformer, ErrorCode code) {
    options.qformer = qformer;
    try {
      assemble_stage1(options);
      ADD_FAILURE() << qformer << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
    }
  };
  refused((folder / "stage2").string(), ErrorCode::kInvalidArgument);
  refused((folder / "nowhere").string(), ErrorCode::kNotFound);
  refused("bert-base", ErrorCode::kUnsupported);
  testing::write_tiny_bert_of_nine_words(folder / "long", testing::BertNames::kPlain);
  const std::string config = read_file(folder / "long/config.json");
  write_file_atomic(
      folder / "long/config.json",
      std::string(config).replace(config.find("\"vocab_size\":9"), 14, "\"vocab_size\":999999999"));
  refused((folder / "long").string(), ErrorCode::kCorruptData);
  options.image_encoder = "eva_clip_g";
  refused((folder / "stage1").string(), ErrorCode::kUnsupported);
  options.image_encoder = folder / "long";
  refused((folder / "stage1").string(), ErrorCode::kInvalidArgument);
}

TEST(RealParts, MiniLmAsTextSideEqualsBert) {
  BLIP2_REQUIRE_ASSET(minilm());
  BLIP2_REQUIRE_ASSET(lite0());
  AssembleOptions options;
  options.image_encoder = lite0();
  options.qformer = minilm().string();
  const Bundle bundle = assemble_stage1(options);
  EXPECT_EQ(bundle.image_encoder->width(), 1280);
  EXPECT_EQ(bundle.stage1->qformer.config.vocab_size, 30523);
  EXPECT_EQ(bundle.qformer_tokenizer->special_ids().dec, 30522);
  const auto golden = open_source(testing::golden("bundle/minilm.safetensors"));
  const at::NoGradGuard no_grad;
  for (const auto& [i, words] : std::map<std::string, std::string>{
           {"0", "a red fox under the moon"}, {"1", "an old steam locomotive"}}) {
    const std::vector<int64_t> ids = bundle.qformer_tokenizer->encode(words);
    const at::Tensor row = at::tensor(ids).unsqueeze(0);
    EXPECT_TRUE(row[0].equal(golden->read("ids_" + i)));
    const at::Tensor hidden =
        encode_text(bundle.stage1->qformer, pack_text(row, at::ones(row.sizes(), at::kLong)));
    EXPECT_LT(relative_difference(hidden, golden->read("hidden_" + i)), 1e-4);
  }
}

TEST(RealParts, AConvertedEncoderIsTheSame) {
  BLIP2_REQUIRE_ASSET(lite0());
  const TemporaryFolder folder;
  convert_to_directory(lite0(), folder / "encoder");
  const ImageEncoderPart original = open_image_encoder(lite0());
  const ImageEncoderPart converted = open_image_encoder(folder / "encoder");
  const at::Tensor pixels = testing::tiny_pixels();
  EXPECT_TRUE(original.encoder->encode(pixels).equal(converted.encoder->encode(pixels)));
  EXPECT_EQ(format_transform(original.transform), format_transform(converted.transform));
  const Inspection inspection = inspect_directory(folder / "encoder");
  EXPECT_EQ(inspection.tensors.size(), 296u);
  EXPECT_TRUE(inspection.missing.empty() && inspection.unused.empty());
}

TEST(RealParts, AConvertedGgufIsTheSame) {
  BLIP2_REQUIRE_ASSET(smollm2());
  const TemporaryFolder folder;
  convert_to_directory(smollm2(), folder / "llama", {.dtype = at::kHalf});
  const LanguageModelPart part = open_language_model(folder / "llama");
  EXPECT_EQ(part.shape.width, 576);
  const std::vector<int64_t> ids = part.tokenizer->encode("The capital of France is");
  EXPECT_THAT(ids, ::testing::ElementsAre(504, 3575, 282, 4649, 314));
  const at::NoGradGuard no_grad;
  const at::Tensor embeds = part.model->embed(at::tensor(ids)).unsqueeze(0);
  const auto decoder = part.model->decode(embeds, at::ones({1, 5}));
  EXPECT_EQ(decoder->start().argmax(1).item<int64_t>(), 7042);  // " Paris"
  const Inspection inspection = inspect_directory(folder / "llama");
  EXPECT_EQ(inspection.parts[0].parameters, 134515008);
  EXPECT_EQ(inspection.stored_bytes.at("float16"), 2 * 134515008);
  EXPECT_TRUE(inspection.missing.empty() && inspection.unused.empty());
}

TEST(Parts, FindTheirFile) {
  const TemporaryFolder folder;
  EXPECT_EQ(only_file(folder.path(), ".gguf"), fs::path());
  write_file_atomic(folder / "a.gguf", "GGUF");
  EXPECT_EQ(only_file(folder.path(), ".gguf"), folder / "a.gguf");
  EXPECT_THROW(open_language_model(folder.path()), Error);  // it is no GGUF
  write_file_atomic(folder / "b.gguf", "GGUF");
  EXPECT_THROW(only_file(folder.path(), ".gguf"), Error);
  EXPECT_THROW(open_image_encoder(folder.path()), Error);
  EXPECT_THROW(convert_to_directory(folder / "none", folder / "target"), Error);
  EXPECT_FALSE(fs::exists(folder / "target"));
}

}  // namespace
}  // namespace blip2
