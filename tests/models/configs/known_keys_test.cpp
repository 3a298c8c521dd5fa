// Configurations are read by allow-list: everything that transformers 4.57 and 5 write
// (tools/make_config_goldens.py) and that published files have is read, and a key that nobody knows
// is refused by name.
#include "blip2/models/keys/known_keys.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <string>

#include "blip2/models/configs/blip2_config.h"
#include "blip2/models/configs/blip_config.h"
#include "blip2/models/language/families.h"
#include "blip2/models/vision/families.h"
#include "tests/models/support.h"
#include "tests/support/errors.h"

namespace blip2 {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ConfigJson = nlohmann::ordered_json;

/// Reads a configuration as the class that it is of.
void parse(const std::string& name, const ConfigJson& config) {
  const ConfigFields fields(config, "config.json");
  if (name.starts_with("Blip2Config") || name == "InstructBlipConfig") {
    const Blip2Config parsed = parse_blip2(fields);
    parse_image_encoder(parsed.vision_json, "config.json: vision_config");
    parse_language_model(parsed.text_json, "config.json: text_config");
  } else if (name == "BlipConfig") {
    parse_blip(fields);
  } else if (name == "CLIPConfig") {
    parse_clip(fields);
  } else if (name.ends_with("QFormerConfig")) {
    parse_blip2(
        ConfigFields({{"model_type", "blip-2"}, {"qformer_config", config}}, "config.json"));
  } else if (name == "BlipTextConfig") {
    parse_blip(ConfigFields({{"model_type", "blip"}, {"text_config", config}}, "config.json"));
  } else if (name == "CLIPTextConfig") {
    parse_clip(ConfigFields({{"model_type", "clip"}, {"text_config", config}}, "config.json"));
  } else if (name == "BertConfig") {
    parse_bert(fields);
  } else if (is_image_encoder(config.value("model_type", ""))) {
    parse_image_encoder(fields);
  } else {
    parse_language_model(config.dump(), "config.json");
  }
}

ConfigJson written_by(const std::string& generation) {
  return ConfigJson::parse(
      read_file(testing::golden("configs/transformers_" + generation + ".json")));
}

class WrittenBy : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Generations, WrittenBy, ::testing::Values("4", "5"));

TEST_P(WrittenBy, EveryKeyIsKnown) {
  const ConfigJson written = written_by(GetParam());
  for (const auto& [name, config] : written.items()) {
    SCOPED_TRACE(name);
    EXPECT_NO_THROW(parse(name, config));
  }
}

TEST_P(WrittenBy, AKeyThatNobodyKnowsIsRefusedByName) {
  const ConfigJson written = written_by(GetParam());
  for (const auto& [name, config] : written.items()) {
    SCOPED_TRACE(name);
    ConfigJson changed = config;
    changed["logit_softcap"] = 30.0;
    EXPECT_THAT(testing::error_of([&, of = name] { parse(of, changed); }).second,
                AllOf(HasSubstr("config.json"), HasSubstr("logit_softcap: this program does not")));
    changed["logit_softcap"] = nullptr;
    EXPECT_NO_THROW(parse(name, changed));
    for (const char* part : {"vision_config", "text_config", "qformer_config"}) {
      if (!config.contains(part)) continue;
      changed = config;
      changed[part]["logit_softcap"] = 30.0;
      EXPECT_THAT(testing::error_of([&, of = name] { parse(of, changed); }).second,
                  HasSubstr(std::string("config.json: ") + part + ": logit_softcap: "));
    }
  }
}

TEST_P(WrittenBy, AKeyWithOneGoodValueIsRefusedWithAnother) {
  const ConfigJson written = written_by(GetParam());
  const auto refusal = [&](const std::string& name, const char* key, const ConfigJson& value) {
    ConfigJson config = written.at(name);
    config[key] = value;
    return testing::error_of([&] { parse(name, config); }).second;
  };
  const ConfigJson heads = {{"0", {1}}};
  for (const auto& [name, config] : written.items()) {
    EXPECT_THAT(refusal(name, "pruned_heads", heads), HasSubstr("pruned_heads: only {} is"));
  }
  EXPECT_THAT(refusal("LlamaConfig", "suppress_tokens", {5}),
              HasSubstr("config.json: suppress_tokens: only null is supported, found [5]"));
  EXPECT_THAT(refusal("OPTConfig", "layer_norm_elementwise_affine", false),
              HasSubstr("layer_norm_elementwise_affine: only true is supported, found false"));
  EXPECT_THAT(refusal("OPTConfig", "forced_eos_token_id", 2), HasSubstr("forced_eos_token_id"));
  EXPECT_THAT(refusal("T5Config", "is_gated_act", true),
              HasSubstr("is_gated_act: expected false, as of feed_forward_proj, found true"));
  EXPECT_THAT(refusal("T5Config", "is_encoder_decoder", false), HasSubstr("is_encoder_decoder"));
  EXPECT_THAT(refusal("T5Config", "hidden_size", 77),
              HasSubstr("hidden_size: expected 512, as of d_model, found 77"));
  EXPECT_THAT(refusal("Dinov2Config", "use_swiglu_ffn", true), HasSubstr("use_swiglu_ffn"));
  EXPECT_THAT(refusal("CLIPVisionConfig", "num_channels", 4), HasSubstr("num_channels: only 3 is"));
  EXPECT_THAT(refusal("BlipTextConfig", "is_decoder", false), HasSubstr("is_decoder: only true"));
  EXPECT_THAT(refusal("Blip2QFormerConfig", "position_embedding_type", "relative_key"),
              HasSubstr("position_embedding_type: only \"absolute\" is supported"));
  EXPECT_THAT(refusal("Qwen2Config", "use_sliding_window", true), HasSubstr("use_sliding_window"));
}

/// Keys that published directories have besides those that their class writes today.
TEST(PublishedConfig, EveryKeyIsKnown) {
  const ConfigJson written = written_by("4");
  const auto expect_read = [&](const std::string& name, const ConfigJson& more) {
    SCOPED_TRACE(name + " with " + more.dump());
    ConfigJson config = written.at(name);
    config.merge_patch(more);
    EXPECT_NO_THROW(parse(name, config));
  };
  expect_read("OPTConfig", {{"_name_or_path", "facebook/opt-2.7b"},
                            {"activation_dropout", 0.0},
                            {"prefix", "</s>"},
                            {"torch_dtype", "float16"},
                            {"learned_embeddings", true},
                            {"scale_embeddings", false}});
  expect_read("T5Config", {{"n_positions", 512},
                           {"output_past", true},
                           {"torch_dtype", "float32"},
                           {"task_specific_params", {{"summarization", {{"num_beams", 4}}}}}});
  expect_read("LlamaConfig", {{"max_sequence_length", 2048},
                              {"is_llama_config", true},
                              {"rope_interleaved", false},
                              {"_attn_implementation_autoset", true},
                              {"transformers.js_config", {{"dtype", "q4"}}}});
  expect_read("Qwen2Config", {{"sliding_window", 32768}, {"use_mrope", false}});
  expect_read("BertConfig", {{"gradient_checkpointing", false},
                             {"directionality", "bidi"},
                             {"pooler_fc_size", 768},
                             {"pooler_num_attention_heads", 12},
                             {"pooler_num_fc_layers", 3},
                             {"pooler_size_per_head", 128},
                             {"pooler_type", "first_token_transform"}});
  expect_read("BlipConfig",
              {{"_commit_hash", nullptr},
               {"torch_dtype", "float32"},
               {"text_config", {{"add_cross_attention", false}, {"initializer_factor", 1.0}}},
               {"vision_config", {{"dropout", 0.0}, {"num_channels", 3}}}});
  expect_read("Blip2Config", {{"vision_config",
                               {{"dropout", 0.0},
                                {"num_channels", 3},
                                {"projection_dim", 512},
                                {"initializer_factor", 1.0}}},
                              {"qformer_config", {{"classifier_dropout", nullptr}}}});
  expect_read("CLIPConfig",
              {{"text_config", {{"dropout", 0.0}}}, {"vision_config", {{"dropout", 0.0}}}});
}

TEST(ClipConfig, TheOldDictionariesStandOverTheNew) {
  ConfigJson config = written_by("4").at("CLIPConfig");
  config["text_config_dict"] = {{"hidden_size", 768}, {"num_attention_heads", 12}};
  config["vision_config_dict"] = {{"patch_size", 14}};
  config["text_config"]["num_hidden_layers"] = 7;  // transformers: the default of the dictionary
  const ClipConfig parsed = parse_clip(ConfigFields(config, "config.json"));
  EXPECT_EQ(parsed.text.hidden_size, 768);
  EXPECT_EQ(parsed.text.num_hidden_layers, 12);
  EXPECT_EQ(parsed.vision.patch_size, 14);
  config["text_config_dict"] = nullptr;
  EXPECT_EQ(parse_clip(ConfigFields(config, "config.json")).text.num_hidden_layers, 7);
}

TEST(T5Config, TheSecondNamesOfKeysAreRead) {
  const ConfigJson config = {{"model_type", "t5"},
                             {"hidden_size", 96},
                             {"num_attention_heads", 3},
                             {"num_hidden_layers", 2},
                             {"head_dim", 32}};
  const LanguageModelShape shape = parse_language_model(config.dump(), "config.json");
  EXPECT_EQ(shape.width, 96);
  EXPECT_THAT(shape.sizes,
              ::testing::IsSupersetOf(std::vector<std::pair<std::string, int64_t>>{
                  {"d_model", 96}, {"num_heads", 3}, {"num_layers", 2}, {"d_kv", 32}}));
}

TEST(Blip2Config, AnEncodersEpsilonOutlivesAnotherOfTheNormBehindIt) {
  const ConfigJson config = {
      {"model_type", "blip-2"},
      {"vision_config",
       {{"model_type", "clip_vision_model"}, {"hidden_size", 24}, {"layer_norm_eps", 1e-5}}},
      {"text_config", {{"model_type", "opt"}}}};
  Blip2Config parsed = parse_blip2(ConfigFields(config, "config.json"));
  EXPECT_EQ(parsed.image_norm_eps, 1e-5);
  parsed.image_norm_eps = 1e-6;
  parsed.max_text_length = 8;
  const ConfigJson written = ConfigJson::parse(format_blip2(parsed));
  EXPECT_EQ(written["vision_config"]["layer_norm_eps"], 1e-5);
  EXPECT_EQ(parse_blip2(ConfigFields(written, "config.json")).image_norm_eps, 1e-6);
  parsed.image_norm_eps = 1e-5;  // one epsilon: no key that Hugging Face does not know
  EXPECT_FALSE(ConfigJson::parse(format_blip2(parsed)).contains("image_norm_eps"));
}

}  // namespace
}  // namespace blip2
