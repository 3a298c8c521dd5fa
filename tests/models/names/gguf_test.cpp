// GGUF's names and row order, and files whose metadata claims what their tensors do not hold.
#include "blip2/models/names/gguf.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/models/directory/frozen_parts.h"
#include "tests/models/small_gguf.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace blip2 {
namespace {

using testing::SmallGguf;

SmallGguf small_llama() {
  SmallGguf file;
  file.texts = {{"general.architecture", "llama"}};
  file.numbers = {{"llama.embedding_length", 12},
                  {"llama.feed_forward_length", 20},
                  {"llama.block_count", 2},
                  {"llama.attention.head_count", 3},
                  {"llama.attention.head_count_kv", 1},
                  {"llama.rope.dimension_count", 4},
                  {"llama.context_length", 64},
                  {"tokenizer.ggml.eos_token_id", 2}};
  file.fractions = {{"llama.attention.layer_norm_rms_epsilon", 1e-5F},
                    {"llama.rope.freq_base", 500.0F}};
  file.tensors = {{"token_embd.weight", {7, 12}}, {"output_norm.weight", {12}}};
  for (const std::string block : {"blk.0.", "blk.1."}) {
    file.tensors[block + "attn_norm.weight"] = {12};
    file.tensors[block + "attn_q.weight"] = {12, 12};
    file.tensors[block + "attn_k.weight"] = {4, 12};
    file.tensors[block + "attn_v.weight"] = {4, 12};
    file.tensors[block + "attn_output.weight"] = {12, 12};
    file.tensors[block + "ffn_norm.weight"] = {12};
    file.tensors[block + "ffn_gate.weight"] = {20, 12};
    file.tensors[block + "ffn_up.weight"] = {20, 12};
    file.tensors[block + "ffn_down.weight"] = {12, 20};
  }
  return file;
}

class SmallLlama : public ::testing::Test {
 protected:
  Llama loaded() {
    gguf_.write(folder_ / "small_llama.gguf");
    return load_llama(GgufFile(folder_ / "small_llama.gguf"));
  }
  void expect_error(ErrorCode code, const std::string& part) {
    try {
      loaded();
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_THAT(error.what(), ::testing::HasSubstr(part));
    }
  }
  const testing::TemporaryFolder folder_;
  SmallGguf gguf_ = small_llama();
};

TEST_F(SmallLlama, ReadsItsConfiguration) {
  const Llama model = loaded();
  EXPECT_EQ(model.config.hidden_size, 12);
  EXPECT_EQ(model.config.intermediate_size, 20);
  EXPECT_EQ(model.config.num_hidden_layers, 2);
  EXPECT_EQ(model.config.num_attention_heads, 3);
  EXPECT_EQ(model.config.num_key_value_heads, 1);
  EXPECT_EQ(model.config.head_dim, 4);
  EXPECT_EQ(model.config.rope_theta, 500.0);
  EXPECT_EQ(model.config.vocab_size, 7);
  EXPECT_EQ(model.config.eos_token_id, 2);
  EXPECT_EQ(model.config.pad_token_id, -1);
  EXPECT_TRUE(model.config.tie_word_embeddings);
}

TEST_F(SmallLlama, AnOutputMatrixOfItsOwn) {
  gguf_.tensors["output.weight"] = {7, 12};
  EXPECT_FALSE(loaded().config.tie_word_embeddings);
}

TEST_F(SmallLlama, AnotherArchitecture) {
  gguf_.texts["general.architecture"] = "mamba";
  expect_error(ErrorCode::kUnsupported, "mamba");
}

TEST_F(SmallLlama, ScaledRotaryEmbedding) {
  gguf_.texts["llama.rope.scaling.type"] = "yarn";
  expect_error(ErrorCode::kUnsupported, "yarn");
}

TEST_F(SmallLlama, PartlyRotatedHeads) {
  gguf_.numbers["llama.rope.dimension_count"] = 2;
  expect_error(ErrorCode::kUnsupported, "rotary");
}

TEST_F(SmallLlama, FrequenciesOfItsOwn) {
  gguf_.tensors["rope_freqs.weight"] = {2};
  expect_error(ErrorCode::kUnsupported, "rope_freqs");
}

TEST_F(SmallLlama, AMissingKey) {
  gguf_.numbers.erase("llama.block_count");
  expect_error(ErrorCode::kNotFound, "llama.block_count");
}

TEST_F(SmallLlama, MetadataThatClaimsMoreThanTheTensors) {
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, uint32_t>>{{"llama.embedding_length", 4000000000U},
                                                     {"llama.feed_forward_length", 4000000000U},
                                                     {"llama.feed_forward_length", 21},
                                                     {"llama.block_count", 3},
                                                     {"llama.block_count", 0},
                                                     {"llama.attention.head_count", 0},
                                                     {"llama.attention.head_count", 2},
                                                     {"llama.attention.head_count_kv", 2},
                                                     {"llama.context_length", 0}}) {
    SCOPED_TRACE(key);
    const SmallGguf good = gguf_;
    gguf_.numbers[key] = value;
    gguf_.numbers.erase("llama.rope.dimension_count");
    expect_error(ErrorCode::kCorruptData, "small_llama.gguf");
    gguf_ = good;
  }
}

TEST_F(SmallLlama, ATokenizerWhoseEndTokenIsBeyondTheTable) {
  gguf_.texts["tokenizer.ggml.model"] = "gpt2";
  gguf_.texts["tokenizer.ggml.pre"] = "gpt-2";
  gguf_.text_lists["tokenizer.ggml.tokens"] = {"a", "b", "c", "d", "e", "f", "g"};
  gguf_.text_lists["tokenizer.ggml.merges"] = {};
  gguf_.number_lists["tokenizer.ggml.token_type"] = {1, 1, 1, 1, 1, 1, 1};
  const auto open = [&] {
    gguf_.write(folder_ / "small_llama.gguf");
    open_language_model(folder_ / "small_llama.gguf");
  };
  open();
  gguf_.text_lists["tokenizer.ggml.tokens"].push_back("</s>");
  gguf_.number_lists["tokenizer.ggml.token_type"].push_back(3);
  gguf_.numbers["tokenizer.ggml.eos_token_id"] = 7;
  const auto [code, message] = testing::error_of(open);
  EXPECT_EQ(code, ErrorCode::kCorruptData);
  EXPECT_THAT(message, ::testing::HasSubstr(
                           "small_llama.gguf: the tokenizer's special id 7 is none of the 7"));
}

TEST_F(SmallLlama, AMisshapenTensorAndOneTooMany) {
  gguf_.tensors["blk.1.attn_v.weight"] = {5, 12};
  expect_error(ErrorCode::kCorruptData, "attn_v");
  gguf_ = small_llama();
  gguf_.tensors["blk.0.attn_q.bias"] = {12};
  expect_error(ErrorCode::kCorruptData, "attn_q.bias");
}

TEST(NamesGguf, NamesGoThereAndBack) {
  LlamaConfig config;
  config.num_hidden_layers = 2;
  config.vocab_size = 10;
  config.tie_word_embeddings = false;
  Llama model = make_llama(config);
  visit(model, Visitor([](const std::string& name, at::Tensor&) {
          const auto theirs = llama_gguf_names().to_theirs(name);
          ASSERT_TRUE(theirs.has_value()) << name;
          EXPECT_EQ(llama_gguf_names().to_ours(*theirs), name);
        }));
  EXPECT_EQ(llama_gguf_names().to_theirs("model.layers.12.self_attn.o_proj.weight"),
            "blk.12.attn_output.weight");
  EXPECT_FALSE(llama_gguf_names().to_ours("rope_freqs.weight").has_value());
}

TEST(NamesGguf, InterleavedRowsBecomeHalves) {
  // Two heads of width 4: pairs (0, 1), (2, 3) become (0, 2), (1, 3).
  const at::Tensor weight = at::arange(8, at::kFloat).unsqueeze(1);
  const at::Tensor expected = at::tensor({0, 2, 1, 3, 4, 6, 5, 7}, at::kFloat).unsqueeze(1);
  EXPECT_TRUE(half_split_from_interleaved(weight, 2).equal(expected));
}

}  // namespace
}  // namespace blip2
