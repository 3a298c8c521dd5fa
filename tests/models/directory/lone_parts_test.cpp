// Directories of one part as transformers 4.57 and 5 save them: the names of tensors differ, and what
// a part's own class has behind it counts for nothing here.
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "blip2/base/files.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/directory/frozen_parts.h"
#include "blip2/models/directory/inspect.h"
#include "blip2/models/language/families.h"
#include "blip2/models/vision/families.h"
#include "tests/models/support.h"

namespace blip2 {
namespace {

namespace fs = std::filesystem;
using PartJson = nlohmann::ordered_json;
using testing::TemporaryFolder;

/// A tiny encoder's tensors under the names that `rename` gives them.
fs::path write_encoder(const fs::path& path, const std::string& type,
                       const std::function<std::string(const std::string&)>& rename) {
  const PartJson config = {{"model_type", type},       {"hidden_size", 12},
                           {"intermediate_size", 20},  {"num_hidden_layers", 2},
                           {"num_attention_heads", 3}, {"image_size", 28},
                           {"patch_size", 14}};
  const ImageEncoderWeights weights = parse_image_encoder(config.dump(), "config.json").make();
  testing::fill_distinct(weights.tensors, 7);
  std::vector<StoredTensor> stored;
  for (const NamedTensor& named : weights.tensors) {
    stored.push_back({rename(named.name), *named.tensor});
  }
  if (type != "siglip_vision_model") {  // whose own layer norm is part of its output
    stored.push_back({rename("post_layernorm.weight"), at::ones({12})});
    stored.push_back({rename("post_layernorm.bias"), at::ones({12})});
  }
  fs::create_directories(path);
  write_file_atomic(path / "config.json", config.dump());
  write_safetensors(path / "model.safetensors", stored);
  return path;
}

std::string with_prefix(const std::string& name) {
  return name.starts_with("vision_model.") ? name : "vision_model." + name;
}

std::string without_prefix(const std::string& name) {
  return name.starts_with("vision_model.") ? name.substr(std::string("vision_model.").size())
                                           : name;
}

class LoneEncoder : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Types, LoneEncoder,
                         ::testing::Values("clip_vision_model", "siglip_vision_model",
                                           "blip_2_vision_model", "blip_vision_model"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(LoneEncoder, OpensWithAndWithoutThePrefix) {
  const TemporaryFolder folder;
  const fs::path with = write_encoder(folder / "with", GetParam(), with_prefix);
  const fs::path without = write_encoder(folder / "without", GetParam(), without_prefix);
  for (const fs::path& path : {with, without}) {
    const Inspection inspection = inspect_directory(path);
    EXPECT_TRUE(inspection.missing.empty() && inspection.unused.empty()) << path;
  }
  const at::Tensor pixels = at::arange(3 * 28 * 28).to(at::kFloat).sin().view({1, 3, 28, 28});
  EXPECT_TRUE(at::equal(open_image_encoder(with).encoder->encode(pixels),
                        open_image_encoder(without).encoder->encode(pixels)));
}

TEST(LoneT5, AnOutputMatrixThatTransformers5LeftOutIsTheTableUnscaled) {
  const TemporaryFolder folder;
  PartJson config = {{"model_type", "t5"},
                     {"d_model", 12},
                     {"d_kv", 4},
                     {"d_ff", 20},
                     {"num_layers", 2},
                     {"num_heads", 3},
                     {"vocab_size", 30},
                     {"tie_word_embeddings", true},
                     {"scale_decoder_outputs", false}};
  const LanguageModelWeights weights = parse_language_model(config.dump(), "config.json").make();
  testing::fill_distinct(weights.tensors, 9);
  std::vector<StoredTensor> stored;
  for (const NamedTensor& named : weights.tensors) {
    if (named.name != "lm_head.weight") stored.push_back({named.name, *named.tensor});
  }
  const auto missing = [&] {
    write_file_atomic(folder / "config.json", config.dump());
    return inspect_directory(folder.path()).missing;
  };
  write_safetensors(folder / "model.safetensors", stored);
  EXPECT_TRUE(missing().empty());
  config.erase(
      "scale_decoder_outputs");  // transformers 4: an output matrix of its own, which is lost
  config["tie_word_embeddings"] = false;
  EXPECT_THAT(missing(), ::testing::ElementsAre("lm_head.weight"));
}

}  // namespace
}  // namespace blip2
