#include "tests/train/tiny_parts.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "blip2/base/files.h"
#include "blip2/base/random.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/image/encode.h"
#include "blip2/models/blip2/stage1.h"
#include "blip2/models/configs/bundle_config.h"
#include "blip2/models/directory/families.h"
#include "blip2/models/names/hugging_face.h"
#include "blip2/text/tokenizer.h"
#include "tests/support/tests_directory.h"
#include "tests/support/weights.h"

namespace blip2::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

fs::path golden_text(const std::string& name) {
  return testing::tests_directory() / "golden" / "text" / name;
}

/// Fills the weights and writes them beside their configuration.
template <typename Weights>
void write_part(const fs::path& directory, const Json& config, Weights weights, uint64_t seed) {
  fs::create_directories(directory);
  write_file_atomic(directory / "config.json", config.dump());
  fill_distinct(weight_tensors(weights), seed);
  std::vector<StoredTensor> tensors;
  for (const NamedTensor& named : weight_tensors(weights)) {
    tensors.push_back({named.name, *named.tensor});
  }
  write_safetensors(directory / "model.safetensors", tensors);
}

fs::path write_vit(const fs::path& directory, const Json& config) {
  write_part(directory, config, make_vision_weights(parse_vision(config.dump(), "tiny")), 3);
  return directory;
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
  QFormerConfig shape{.hidden_size = 12,
                      .num_hidden_layers = 2,
                      .num_attention_heads = 3,
                      .intermediate_size = 20,
                      .vocab_size = load_tokenizer(directory)->vocabulary_size(),
                      .max_position_embeddings = 40};
  Stage1 model = make_stage1({.qformer = shape, .embed_dim = 7});
  fill_distinct(named_tensors(model), 5);
  std::vector<StoredTensor> tensors;
  for (const NamedTensor& named : named_tensors(model)) {
    const auto theirs = bert_names().to_theirs(named.name);
    if (theirs && !theirs->starts_with("cls.")) tensors.push_back({*theirs, *named.tensor});
  }
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
  write_part(directory, config, make_language_weights(parse_language(config.dump(), "tiny")), 4);
  return directory;
}

namespace {

/// `directory`/images/I.png: noise.
std::string write_picture(const fs::path& directory, int number) {
  fs::create_directories(directory / "images");
  Random random(1, "picture", static_cast<uint64_t>(number));
  Image image{40, 30, std::vector<uint8_t>(40 * 30 * 3)};
  for (uint8_t& byte : image.rgb) byte = static_cast<uint8_t>(random.below(256));
  const std::string file = fmt::format("{}.png", number);
  write_file_atomic(directory / "images" / file, encode_png(image));
  return file;
}

}  // namespace

void write_coco(const fs::path& directory, int num_pictures) {
  const char* names[] = {"a red square", "a blue field", "a green flag", "a dark wall"};
  Json records = Json::array();
  for (int i = 0; i < num_pictures; ++i) {
    const std::string file = write_picture(directory, i);
    for (int caption = 0; caption < 2; ++caption) {
      records.push_back({{"image", file},
                         {"caption", fmt::format("{} {}", names[(i + caption) % 4], i)},
                         {"image_id", fmt::format("coco_{}", i)}});
    }
  }
  write_file_atomic(directory / "annotations.json", records.dump());
}

void write_questions(const fs::path& directory, int num_pictures) {
  const char* things[] = {"square", "field", "flag", "wall"};
  Json records = Json::array();
  for (int i = 0; i < num_pictures; ++i) {
    records.push_back({{"image", write_picture(directory, i)},
                       {"question", fmt::format("What colour is the {}?", things[i % 4])},
                       {"question_id", i},
                       {"answer", {"red", "red", "dark blue"}}});
  }
  write_file_atomic(directory / "questions.json", records.dump());
}

}  // namespace blip2::testing
