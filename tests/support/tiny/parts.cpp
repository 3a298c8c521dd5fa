// Parts as directories in Hugging Face's layout, with distinct weights.
#include "tests/support/tiny/parts.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "blip2/base/files.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/blip2/stage1.h"
#include "blip2/models/language/families.h"
#include "blip2/models/names/hugging_face.h"
#include "blip2/models/vision/families.h"
#include "blip2/text/tokenizer.h"
#include "tests/support/tests_directory.h"
#include "tests/support/tiny/shapes.h"
#include "tests/support/weights.h"

namespace blip2::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

fs::path golden_text(const std::string& name) {
  return testing::tests_directory() / "golden" / "text" / name;
}

/// Fills the weights and writes them beside their configuration.
void write_part(const fs::path& directory, const Json& config,
                const std::vector<NamedTensor>& weights, uint64_t seed) {
  fs::create_directories(directory);
  write_file_atomic(directory / "config.json", config.dump());
  fill_distinct(weights, seed);
  std::vector<StoredTensor> tensors;
  for (const NamedTensor& named : weights) {
    tensors.push_back({named.name, *named.tensor});
  }
  write_safetensors(directory / "model.safetensors", tensors);
}

fs::path write_vit(const fs::path& directory, const Json& config) {
  write_part(directory, config, parse_image_encoder(config.dump(), "tiny").make().tensors, 3);
  return directory;
}

/// The weights and the configuration of a BERT of `shape`, and `others` beside its tensors.
void write_bert(const fs::path& directory, const QFormerConfig& shape,
                BertNames names = BertNames::kPlain, const std::vector<StoredTensor>& others = {}) {
  const at::NoGradGuard no_grad;
  const bool is_prefixed = names == BertNames::kPrefixed;
  Stage1 model = make_stage1({.qformer = shape, .embed_dim = 7});
  fill_distinct(named_tensors(model), 5);
  std::vector<StoredTensor> tensors;
  for (const NamedTensor& named : named_tensors(model)) {
    const NameTable& table = is_prefixed ? prefixed_bert_names() : bert_names();
    const auto theirs = table.to_theirs(named.name);
    if (!theirs || (!is_prefixed && theirs->starts_with("cls."))) continue;
    tensors.push_back({*theirs, *named.tensor});
  }
  tensors.insert(tensors.end(), others.begin(), others.end());
  write_safetensors(directory / "model.safetensors", tensors);
  const Json config = {{"model_type", "bert"},
                       {"hidden_size", shape.hidden_size},
                       {"num_hidden_layers", shape.num_hidden_layers},
                       {"num_attention_heads", shape.num_attention_heads},
                       {"intermediate_size", shape.intermediate_size},
                       {"vocab_size", shape.vocab_size},
                       {"max_position_embeddings", shape.max_position_embeddings},
                       {"hidden_act", "gelu"},
                       {"layer_norm_eps", 1e-12}};
  write_file_atomic(directory / "config.json", config.dump());
}

const Json kVit = {{"model_type", "blip_2_vision_model"},
                   {"hidden_size", 16},
                   {"intermediate_size", 20},
                   {"num_hidden_layers", 2},
                   {"num_attention_heads", 2},
                   {"image_size", 224},
                   {"patch_size", 28}};

}  // namespace

fs::path write_tiny_vit(const fs::path& directory) { return write_vit(directory, kVit); }

fs::path write_tiny_clip_vit(const fs::path& directory) {
  Json config = kVit;
  config["model_type"] = "clip_vision_model";
  return write_vit(directory, config);
}

fs::path write_tiny_bert(const fs::path& directory) {
  fs::copy(golden_text("lowered_wordpiece"), directory, fs::copy_options::recursive);
  write_bert(directory, {.hidden_size = 12,
                         .num_hidden_layers = 2,
                         .num_attention_heads = 3,
                         .intermediate_size = 20,
                         .vocab_size = load_tokenizer(directory)->vocabulary_size(),
                         .max_position_embeddings = 40});
  return directory;
}

fs::path write_tiny_bert_of_nine_words(const fs::path& directory, BertNames names) {
  make_directories(directory);
  write_file_atomic(directory / "vocab.txt", kNineWords);
  QFormerConfig shape = tiny_qformer();
  shape.vocab_size = 9;
  const std::string prefix = names == BertNames::kPrefixed ? "bert." : "";
  write_bert(directory, shape, names,
             {{prefix + "embeddings.token_type_embeddings.weight",
               at::arange(24, at::kFloat).reshape({2, 12}) * 0.01},
              {prefix + "pooler.dense.bias", at::arange(12, at::kFloat)}});
  return directory;
}

fs::path write_tiny_opt(const fs::path& directory) {
  fs::copy(golden_text("opt_like"), directory, fs::copy_options::recursive);
  const Json config = {{"model_type", "opt"},
                       {"hidden_size", 16},
                       {"ffn_dim", 20},
                       {"num_hidden_layers", 2},
                       {"num_attention_heads", 4},
                       {"max_position_embeddings", 64},
                       {"eos_token_id", 2},
                       {"vocab_size", load_tokenizer(directory)->vocabulary_size()}};
  write_part(directory, config, parse_language_model(config.dump(), "tiny").make().tensors, 4);
  return directory;
}

}  // namespace blip2::testing
