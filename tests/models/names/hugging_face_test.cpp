// The name tables against the tensors of Hugging Face's own classes (tools/make_names_goldens.py).
#include "blip2/models/names/hugging_face.h"

#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "blip2/models/blip2/stage1.h"
#include "blip2/models/blip2/stage2.h"
#include "blip2/models/language/llama.h"
#include "tests/models/support.h"

namespace blip2 {
namespace {

using Shapes = std::map<std::string, std::vector<int64_t>>;

QFormerConfig tiny_qformer() {
  QFormerConfig config;
  config.hidden_size = 12;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 3;
  config.intermediate_size = 20;
  config.vocab_size = 37;
  config.max_position_embeddings = 11;
  config.encoder_hidden_size = 16;
  config.num_query_tokens = 5;
  return config;
}

LlamaConfig tiny_llama() {
  LlamaConfig config;
  config.vocab_size = 41;
  config.hidden_size = 24;
  config.intermediate_size = 28;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 8;
  config.tie_word_embeddings = false;
  return config;
}

Stage1 tiny_stage1() { return make_stage1({.qformer = tiny_qformer(), .embed_dim = 7}); }

Shapes golden_shapes(const std::string& model) {
  const auto all = nlohmann::json::parse(read_file(testing::golden("names/shapes.json")));
  return all.at(model).get<Shapes>();
}

/// Without the tensors of the frozen image encoder, which is another one here.
Shapes without_vision(Shapes shapes) {
  std::erase_if(shapes, [](const auto& entry) {
    return name_matches("vision_model.**", entry.first) &&
           !name_matches("vision_model.post_layernorm.**", entry.first);
  });
  return shapes;
}

/// Each tensor under its Hugging Face name; fails where a name does not lead back.
Shapes renamed(const std::vector<NamedTensor>& tensors, const NameTable& table) {
  Shapes shapes;
  for (const NamedTensor& named : tensors) {
    const auto theirs = table.to_theirs(named.name);
    if (!theirs) {
      ADD_FAILURE() << named.name << " has no name";
      continue;
    }
    EXPECT_EQ(table.to_ours(*theirs), named.name);
    EXPECT_TRUE(shapes.emplace(*theirs, named.tensor->sizes().vec()).second) << *theirs;
  }
  return shapes;
}

TEST(Names, Stage1IsBlip2ForImageTextRetrievalWithItsExtras) {
  Stage1 model = tiny_stage1();
  Shapes expected = without_vision(golden_shapes("retrieval"));
  expected.insert({{"temp", {}},
                   {"cls.predictions.bias", {37}},
                   {"cls.predictions.transform.dense.weight", {12, 12}},
                   {"cls.predictions.transform.dense.bias", {12}},
                   {"cls.predictions.transform.LayerNorm.weight", {12}},
                   {"cls.predictions.transform.LayerNorm.bias", {12}}});
  EXPECT_EQ(renamed(named_tensors(model), stage1_names()), expected);
}

TEST(Names, GenerativeAndLlamaAreBlip2ForConditionalGeneration) {
  Stage2 model = make_stage2(tiny_qformer(), 1e-6, 24);
  Shapes found = renamed(named_tensors(model), stage2_names());
  Llama llama = make_llama(tiny_llama());
  for (const NamedTensor& named : named_tensors(llama, kLanguagePrefix)) {
    found.emplace(named.name, named.tensor->sizes().vec());
  }
  EXPECT_EQ(found, without_vision(golden_shapes("generation")));
}

/// A source with the shapes of a golden.
std::unique_ptr<TensorSource> source_of(const Shapes& shapes) {
  std::vector<StoredTensor> tensors;
  for (const auto& [name, shape] : shapes) tensors.push_back({name, at::zeros(shape)});
  return make_memory_source("golden", std::move(tensors));
}

TEST(Names, ABertFillsTheTextSide) {
  Stage1 model = tiny_stage1();
  for (const std::string name : {"bert", "prefixed_bert"}) {
    const bool prefixed = name == "prefixed_bert";
    const auto source = source_of(golden_shapes(name));
    std::vector<Slot> slots =
        named_slots(named_tensors(model), prefixed ? prefixed_bert_names() : bert_names(), *source);
    const LoadReport report = inspect(*source, slots, {.ignore_unused = unused_bert_tensors()});
    EXPECT_TRUE(report.unused.empty() && report.misshapen.empty()) << name;
    // A bare BertModel has no head; nothing else is missing.
    EXPECT_EQ(report.missing.size(), prefixed ? 0u : 5u);
    for (const std::string& missing : report.missing) {
      EXPECT_TRUE(name_matches("cls.predictions.**", missing)) << missing;
    }
  }
}

TEST(Names, OldBertNormsAreFound) {
  Shapes shapes = golden_shapes("prefixed_bert");
  Shapes old;
  for (const auto& [name, shape] : shapes) {
    std::string other = name;
    for (const auto& [from, to] : std::map<std::string, std::string>{
             {"LayerNorm.weight", "LayerNorm.gamma"}, {"LayerNorm.bias", "LayerNorm.beta"}}) {
      if (name.ends_with(from)) other = name.substr(0, name.size() - from.size()) + to;
    }
    old.emplace(other, shape);
  }
  Stage1 model = tiny_stage1();
  const auto source = source_of(old);
  EXPECT_TRUE(inspect(*source, named_slots(named_tensors(model), prefixed_bert_names(), *source),
                      {.ignore_unused = unused_bert_tensors()})
                  .ok());
}

TEST(Names, AForeignTensorHasNoName) {
  EXPECT_EQ(stage1_names().to_ours("qformer.encoder.layer.0.attention.attention.unknown.weight"),
            std::nullopt);
  EXPECT_EQ(stage2_names().to_ours("itm_head.weight"), std::nullopt);
}

}  // namespace
}  // namespace blip2
