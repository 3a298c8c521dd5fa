// Scaled rotary positions against transformers (tools/make_llama_goldens.py,
// tools/make_qwen2_goldens.py), in both spellings of config.json; and what is refused there.
#include "blip2/models/language/rope.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>

#include "blip2/base/error.h"
#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/language/causal_language_model.h"
#include "blip2/models/language/families.h"
#include "tests/models/support.h"
#include "tests/support/errors.h"

namespace blip2 {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using RopeJson = nlohmann::ordered_json;
using testing::error_of;
using testing::relative_difference;

RopeJson saved_config(const std::string& name) {
  return RopeJson::parse(read_file(testing::golden(name + ".json")));
}

/// The spelling of transformers 5: all of it in one object.
RopeJson in_one_object(RopeJson config) {
  RopeJson parameters = config["rope_scaling"].is_null() ? RopeJson{{"rope_type", "default"}}
                                                         : config["rope_scaling"];
  parameters["rope_theta"] = config["rope_theta"];
  config.erase("rope_theta");
  config.erase("rope_scaling");
  config["rope_parameters"] = parameters;
  return config;
}

/// The spelling of transformers before 4.45.
RopeJson with_old_type(RopeJson config) {
  RopeJson& scaling = config["rope_scaling"];
  if (scaling.is_null()) return config;
  scaling["type"] = scaling["rope_type"];
  scaling.erase("rope_type");
  return config;
}

struct Filled {
  Filled(const std::string& name, const RopeJson& config)
      : file(testing::golden(name + ".safetensors")),
        weights(parse_language_model(config.dump(), name).make()) {
    std::vector<Slot> slots;
    for (const NamedTensor& named : weights.tensors) slots.push_back({named.name, named.tensor});
    load(file, slots, {.ignore_unused = {"golden.*"}});
    owned = weights.finish();
    model = dynamic_cast<const CausalLanguageModel*>(owned.get());
  }
  at::Tensor golden(const std::string& name) const { return file.read("golden." + name).clone(); }

  SafetensorsFile file;
  LanguageModelWeights weights;
  std::unique_ptr<LanguageModel> owned;
  const CausalLanguageModel* model = nullptr;
};

class ScaledRope
    : public ::testing::TestWithParam<std::tuple<std::string, RopeJson (*)(RopeJson)>> {
 protected:
  std::string name() const { return std::get<0>(GetParam()); }
  RopeJson config() const { return std::get<1>(GetParam())(saved_config(name())); }
};
INSTANTIATE_TEST_SUITE_P(
    TypesAndSpellings, ScaledRope,
    ::testing::Combine(::testing::Values("llama/tiny_untied", "llama/tiny_vicuna",
                                         "llama/tiny_llama3", "llama/tiny_dynamic",
                                         "llama/tiny_yarn", "llama/tiny_yarn_scales",
                                         "llama/tiny_yarn_factor", "qwen2/tiny_yarn"),
                       ::testing::Values(in_one_object, with_old_type)));

TEST_P(ScaledRope, LogitsAndGradientsEqualTransformers) {
  const Filled filled(name(), config());
  at::Tensor embeds = filled.golden("inputs_embeds");  // [R, Dl]
  embeds.requires_grad_();
  const at::Tensor hidden = filled.model->hidden(embeds, pack(filled.golden("mask")));
  const at::Tensor logits = filled.model->logits(hidden);
  EXPECT_LT(relative_difference(logits, filled.golden("logits")), 1e-4);
  (logits * filled.golden("coefficients")).sum().backward();
  EXPECT_LT(relative_difference(embeds.grad(), filled.golden("gradient")), 1e-4);
}

TEST_P(ScaledRope, GreedyTextEqualsTransformersWithACache) {
  const Filled filled(name(), config());
  const at::NoGradGuard no_grad;
  const at::Tensor prompt = filled.file.has("golden.prompt")
                                ? filled.golden("prompt")
                                : filled.golden("ids").narrow(0, 0, 1).narrow(1, 0, 4);
  const auto decoder = filled.model->decode(filled.model->embed(prompt), {});
  at::Tensor token = decoder->start().argmax(-1);
  const at::Tensor expected = filled.golden("greedy");
  for (int64_t t = 0; t < expected.size(0); ++t) {
    EXPECT_EQ(token.item<int64_t>(), expected[t].item<int64_t>()) << t;
    token = decoder->step(token).argmax(-1);
  }
}

TEST_P(ScaledRope, AWrittenConfigurationReadsTheSame) {
  const RopeJson said = config();
  const Rope rope = parse_rope(ConfigFields(said, "config.json"), 10000.0, 64);
  const RopeJson written = {{"rope_theta", rope.theta},
                            {"rope_scaling", format_rope_scaling(rope.scaling)}};
  const Rope again = parse_rope(ConfigFields(written, "config.json"), 10000.0, 64);
  EXPECT_EQ(again.theta, rope.theta);
  EXPECT_EQ(format_rope_scaling(again.scaling), format_rope_scaling(rope.scaling));
}

TEST(DynamicRope, ABatchEqualsItsRows) {
  const Filled filled("llama/tiny_dynamic", saved_config("llama/tiny_dynamic"));
  const at::NoGradGuard no_grad;
  const at::Tensor embeds = filled.golden("inputs_embeds");
  const at::Tensor packed = filled.model->hidden(embeds, pack(filled.golden("mask")));
  const at::Tensor first = filled.model->hidden(embeds.narrow(0, 0, 7), pack(at::ones({1, 7})));
  EXPECT_LT(relative_difference(packed.narrow(0, 0, 7), first), 1e-5);
}

std::string refusal(const RopeJson& changes) {
  RopeJson config = saved_config("llama/tiny_untied");
  config.merge_patch(changes);
  return error_of([&] { parse_language_model(config.dump(), "config.json"); }).second;
}

TEST(Rope, ATypeThatIsNotBuiltIsRefusedByNameInEverySpelling) {
  const auto says = [](const char* key, const char* type) {
    return HasSubstr(std::string("config.json: ") + key +
                     ": expected default, linear, dynamic, llama3 or yarn, found \"" + type);
  };
  EXPECT_THAT(refusal({{"rope_scaling", {{"rope_type", "longrope"}, {"factor", 2.0}}}}),
              says("rope_scaling: rope_type", "longrope"));
  EXPECT_THAT(refusal({{"rope_scaling", {{"type", "su"}, {"short_factor", {1.0}}}}}),
              says("rope_scaling: type", "su"));
  EXPECT_THAT(refusal({{"rope_theta", nullptr},
                       {"rope_parameters", {{"rope_type", "proportional"}, {"rope_theta", 1e4}}}}),
              says("rope_parameters: rope_type", "proportional"));
  EXPECT_THAT(refusal({{"rope_scaling", {{"factor", 2.0}}}}), HasSubstr("found nothing"));
}

TEST(Rope, WhatIsNotUnderstoodIsRefusedByName) {
  EXPECT_THAT(refusal({{"rope_scaling", {{"rope_type", "linear"}}}}),
              HasSubstr("rope_scaling: factor: expected a number above 0, found nothing"));
  EXPECT_THAT(refusal({{"rope_scaling", {{"rope_type", "default"}, {"mrope_section", {1, 1, 2}}}}}),
              HasSubstr("rope_scaling: mrope_section: this program does not know the key"));
  EXPECT_THAT(refusal({{"partial_rotary_factor", 0.5}}),
              HasSubstr("config.json: partial_rotary_factor: expected 1"));
  EXPECT_THAT(
      refusal({{"rope_scaling", {{"type", "linear"}, {"rope_type", "yarn"}, {"factor", 2.0}}}}),
      HasSubstr("rope_scaling: rope_type: expected linear, as of type, found \"yarn\""));
  EXPECT_THAT(refusal({{"rope_parameters", {{"rope_type", "default"}, {"rope_theta", 7.0}}}}),
              HasSubstr("expected one of the spellings"));
  EXPECT_THAT(refusal({{"rope_scaling", {{"rope_type", "linear"}, {"factor", 2.0}}},
                       {"rope_parameters", {{"rope_type", "default"}, {"rope_theta", 5000.0}}}}),
              HasSubstr("expected one of the spellings"));
  EXPECT_THAT(refusal({{"rope_scaling", "linear"}}),
              HasSubstr("rope_scaling: expected an object, found \"linear\""));
}

TEST(Rope, AMissingBaseIsTheFamilys) {
  const RopeJson config = {{"rope_parameters", {{"rope_type", "default"}}}};
  EXPECT_EQ(parse_rope(ConfigFields(config, "config.json"), 123.0, 64).theta, 123.0);
}

TEST(Rope, ARangeErrorNamesTheFamily) {
  RopeJson config = saved_config("qwen2/tiny_yarn");
  config["num_key_value_heads"] = 3;
  EXPECT_THAT(error_of([&] { parse_language_model(config.dump(), "config.json"); }).second,
              HasSubstr("Qwen2 configuration: num_key_value_heads (3) must divide"));
}

}  // namespace
}  // namespace blip2
