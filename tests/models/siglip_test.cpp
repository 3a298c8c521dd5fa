// What is SigLIP's alone: its size, its configuration, what it refuses (frozen_vit_test.cpp has
// what it shares with others).
#include "blip2/models/vision/siglip.h"

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
  config["model_type"] = "siglip_vision_model";
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

TEST(Siglip, HasTheParametersOfThePublishedBase) {
  EXPECT_EQ(count_parameters(parse(nlohmann::json::object()).make().tensors), 92884224);
}

TEST(Siglip, ItsConfigurationIsReadAsItIsWritten) {
  const std::string text = read_file(testing::golden("siglip/no_head.json"));
  const ImageEncoderShape shape = parse_image_encoder(text, "no_head");
  EXPECT_EQ(shape.size("intermediate_size"), 28);
  EXPECT_EQ(parse_image_encoder(shape.json, "written").json, shape.json);
  EXPECT_EQ(nlohmann::json::parse(shape.json).at("vision_use_head"), false);
}

TEST(Siglip, RefusesWhatItDoesNotCompute) {
  EXPECT_THAT(refused({{"num_attention_heads", 5}}, ErrorCode::kCorruptData),
              HasSubstr("num_attention_heads (5) must divide hidden_size (768)"));
  EXPECT_THAT(refused({{"hidden_act", "gelu_fast"}}, ErrorCode::kCorruptData),
              HasSubstr("hidden_act: expected gelu"));
  const testing::TinyFrozenEncoder tiny("siglip/tiny");
  EXPECT_THROW(tiny.encoder->encode(at::zeros({1, 3, 21, 6})), Error);
  EXPECT_THROW(tiny.encoder->encode_with_graph(tiny.expected("pixels"), Activations::kKept), Error);
}

}  // namespace
}  // namespace blip2
