// What is DINOv2's alone: its size, its configuration, what it refuses (frozen_vit_test.cpp has
// what it shares with others).
#include "blip2/models/vision/dinov2.h"

#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "tests/models/tiny_frozen_encoder.h"

namespace blip2 {
namespace {

using ::testing::HasSubstr;

ImageEncoderShape parse(const nlohmann::json& fields) {
  nlohmann::json config = fields;
  config["model_type"] = "dinov2";
  return parse_image_encoder(config.dump(), "config.json");
}

/// The message of the error that parsing ends in.
std::string refused(const nlohmann::json& fields, ErrorCode code) {
  try {
    parse(fields);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Dinov2, HasTheParametersOfThePublishedBase) {
  EXPECT_EQ(count_parameters(parse({{"image_size", 518}}).make().tensors), 86580480);
}

TEST(Dinov2, ItsConfigurationIsReadAsItIsWritten) {
  const std::string text = read_file(testing::golden("dinov2/no_bias.json"));
  const ImageEncoderShape shape = parse_image_encoder(text, "no_bias");
  EXPECT_EQ(shape.size("intermediate_size"), 36);
  EXPECT_EQ(parse_image_encoder(shape.json, "written").json, shape.json);
  EXPECT_EQ(nlohmann::json::parse(shape.json).at("qkv_bias"), false);
}

TEST(Dinov2, RefusesWhatItDoesNotCompute) {
  EXPECT_THAT(refused({{"use_swiglu_ffn", true}}, ErrorCode::kUnsupported),
              HasSubstr("config.json: use_swiglu_ffn: "));
  EXPECT_THAT(refused({{"num_attention_heads", 5}}, ErrorCode::kCorruptData),
              HasSubstr("num_attention_heads (5) must divide hidden_size (768)"));
  EXPECT_THAT(refused({{"mlp_ratio", 1e9}}, ErrorCode::kCorruptData), HasSubstr("mlp_ratio"));
  const testing::TinyFrozenEncoder tiny("dinov2/tiny");
  EXPECT_THROW(tiny.encoder->encode(at::zeros({1, 3, 21, 6})), Error);
  EXPECT_THROW(tiny.encoder->encode_with_graph(tiny.expected("pixels"), Activations::kKept), Error);
}

}  // namespace
}  // namespace blip2
