// preprocessor_config.json: written and read, published, and every refusal.
#include "blip2/models/configs/image_processor.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "tests/support/errors.h"

namespace blip2 {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(TransformConfig, ComesBack) {
  ImageTransform any = efficientnet_lite0_transform();
  any.resize_mode = ResizeMode::kSquash;
  any.image_size = any.shorter_side = 192;
  any.filter = Filter::kLanczos;
  std::vector<ImageTransform> transforms(8, any);
  transforms[1].resized_width = 200;
  transforms[1].resized_height = 230;
  transforms[2].resize_mode = ResizeMode::kShorterSide;
  transforms[2].shorter_side = 230;
  transforms[3] = transforms[2];
  transforms[3].longest_side = 400;
  transforms[4] = transforms[2];
  transforms[4].shorter_side = 192;
  transforms[4].center_crop = false;
  transforms[5].resize_mode = ResizeMode::kWithinBox;
  transforms[5].resized_width = 230;
  transforms[5].resized_height = 240;
  transforms[6].resize_mode = ResizeMode::kNone;
  transforms[6].filter = Filter::kBicubic;
  transforms[7].resize_mode = ResizeMode::kPlaceOnBackground;
  transforms[7].fill = 0.9;
  transforms[7].background = {1, 2, 3};
  for (const ImageTransform& transform : transforms) {
    const std::string text = format_transform(transform);
    EXPECT_TRUE(parse_transform(text, "test") == transform) << text;
  }
}

TEST(TransformConfig, ReadsThePublishedOne) {
  const ImageTransform transform = parse_transform(
      R"({"do_normalize": true, "do_rescale": true, "do_resize": true, "resample": 3,
          "image_mean": [0.48145466, 0.4578275, 0.40821073], "rescale_factor": 0.00392156862745098,
          "image_std": [0.26862954, 0.26130258, 0.27577711],
          "image_processor_type": "BlipImageProcessor", "size": {"height": 364, "width": 364}})",
      "test");
  EXPECT_EQ(transform.resize_mode, ResizeMode::kSquash);
  EXPECT_EQ(transform.image_size, 364);
  EXPECT_EQ(transform.mean, blip2_transform().mean);
}

// clip-vit-large-patch14 as it lies on the hub since 2021.
TEST(TransformConfig, ReadsWholeNumbersOfAFeatureExtractor) {
  const ImageTransform transform = parse_transform(
      R"({"crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true,
          "feature_extractor_type": "CLIPFeatureExtractor", "resample": 3, "size": 256,
          "image_mean": [0.48145466, 0.4578275, 0.40821073],
          "image_std": [0.26862954, 0.26130258, 0.27577711]})",
      "test");
  EXPECT_EQ(transform.resize_mode, ResizeMode::kShorterSide);
  EXPECT_EQ(transform.shorter_side, 256);
  EXPECT_EQ(transform.image_size, 224);
  EXPECT_TRUE(transform.center_crop);
}

TEST(TransformConfig, ReadsWhatTransformers5PutsIntoTheProcessor) {
  const std::string text =
      R"({"image_processor": {"image_processor_type": "BlipImageProcessor", "resample": 3,
                              "size": {"height": 56, "width": 56}},
          "processor_class": "Blip2Processor", "num_query_tokens": 8})";
  EXPECT_TRUE(has_image_processor(text, "test"));
  EXPECT_FALSE(has_image_processor(R"({"num_query_tokens": 8, "image_processor": null})", "test"));
  ImageTransform expected = blip2_transform();
  expected.image_size = expected.shorter_side = 56;
  EXPECT_TRUE(parse_transform(text, "test") == expected);
}

// The same words in another file: transformers 4 passes over the longest edge, 5 does not.
TEST(TransformConfig, FollowsTheGenerationThatWroteIt) {
  const json inner = {{"image_processor_type", "CLIPImageProcessor"},
                      {"size", {{"shortest_edge", 20}, {"longest_edge", 24}}}};
  json fast = inner;
  fast["image_processor_type"] = "CLIPImageProcessorFast";
  EXPECT_EQ(parse_transform(inner.dump(), "test").longest_side, 0);
  EXPECT_EQ(parse_transform(json{{"image_processor", inner}}.dump(), "test").longest_side, 24);
  EXPECT_EQ(parse_transform(fast.dump(), "test").longest_side, 24);
}

TEST(TransformConfig, TakesTheClassOfTheProcessorOrTheModelWhereTheFileNamesNone) {
  const auto mean_of = [](const char* text, const char* type) {
    return parse_transform(text, "test", {.model_type = type}).mean[0];
  };
  EXPECT_EQ(mean_of("{}", "siglip_vision_model"), 0.5);
  EXPECT_EQ(mean_of("{}", "clip"), 0.48145466);
  EXPECT_EQ(mean_of(R"({"processor_class": "SiglipProcessor"})", "clip"), 0.5);
  EXPECT_EQ(parse_transform("{}", "test").image_size, 384);
  EXPECT_EQ(parse_transform("{}", "test", {.model_type = "dinov2"}).shorter_side, 224);
}

TEST(TransformConfig, KeepsTheEncodersSizeWhereNothingIsResized) {
  const std::string text = R"({"do_resize": false, "image_processor_type": "BlipImageProcessor"})";
  const ImageTransform transform = parse_transform(text, "test", {.image_size = 20});
  EXPECT_EQ(transform.image_size, 20);
  EXPECT_FALSE(transform.center_crop);
}

TEST(TransformConfig, ReadsFiltersByName) {
  for (const char* name : {"lanczos", "LANCZOS", "Resampling.LANCZOS", "PIL.Image.LANCZOS"}) {
    const json object = {{"resample", name}};
    EXPECT_EQ(parse_transform(object.dump(), "test").filter, Filter::kLanczos) << name;
  }
}

/// What is said of a configuration, in one string: the code and the message.
std::pair<ErrorCode, std::string> refusal(const std::string& text) {
  return testing::error_of([&] { parse_transform(text, "the/preprocessor_config.json"); });
}

/// A change to one of the three forms, and what is said of it.
struct Lie {
  const char* key;
  json value;
  const char* expected;
  ErrorCode code = ErrorCode::kCorruptData;
};

void expect_refused(const json& form, const std::vector<Lie>& lies) {
  EXPECT_NO_THROW(parse_transform(form.dump(), "test"));
  for (const Lie& lie : lies) {
    json object = form;
    object[lie.key] = lie.value;
    SCOPED_TRACE(object.dump());
    const auto [code, message] = refusal(object.dump());
    EXPECT_EQ(code, lie.code);
    EXPECT_THAT(message, AllOf(HasSubstr("the/preprocessor_config.json: " + std::string(lie.key)),
                               HasSubstr(lie.expected)));
  }
}

constexpr ErrorCode kUnsupported = ErrorCode::kUnsupported;

TEST(TransformConfigErrors, NameTheFileAndTheKey) {
  const char* const forms = "height and width; shortest_edge";
  expect_refused(
      {{"size", {{"height", 20}, {"width", 20}}}},
      {{"do_resize", false, "true, or do_center_crop"},
       {"do_resize", 1, "true or false"},
       {"size", 0, "an integer from 1 to 2147483647"},
       {"size", -3, "an integer from 1 to 2147483647"},
       {"size", 16385, "at most 16384 pixels"},
       {"size", 20.5, "an integer"},
       {"size", "20", "an object"},
       {"size", {20}, "height and width"},
       {"size", {20, 21}, "a square"},
       {"size", {20, "wide"}, "width: expected an integer"},
       {"size", {nullptr, 20}, "height: expected an integer"},
       {"size", {{"height", 20}, {"width", 21}}, "a square"},
       {"size", {{"height", 20}}, forms},
       {"size", {{"width", 384}}, forms},
       {"size", {{"longest_edge", 20}}, forms},
       {"size", {{"min_pixels", 20}, {"max_pixels", 400}}, forms},
       {"size", {{"shortest_edge", 20}, {"height", 20}}, forms},
       {"size", json::object(), forms},
       {"size", {{"height", 16385}, {"width", 16385}}, "height: expected at most 16384 pixels"},
       {"size", {{"height", 20}, {"width", "wide"}}, "width: expected an integer"},
       {"do_center_crop", "no", "true or false"},
       {"resize_mode", "stretch", "only \"place_on_background\" is supported", kUnsupported},
       {"resize_mode", 2, "a string"},
       {"resample", 6, "5 (hamming), found 6"},
       {"resample", "cubic", "5 (hamming), found \"cubic\""},
       {"resample", 3.0, "5 (hamming), found 3.0"},
       {"resample", nullptr, "5 (hamming), found nothing"},
       {"do_rescale", "yes", "true or false"},
       {"rescale_factor", 0, "a number above 0"},
       {"rescale_factor", "1/255", "a number"},
       {"do_normalize", 0, "true or false"},
       {"image_mean", "half", "three numbers"},
       {"image_mean", {0.5, 0.5}, "three numbers"},
       {"image_mean", {0.5, "x", 0.5}, "three numbers"},
       {"image_std", {0.5, 0.5, 0.5, 0.5}, "three numbers"},
       {"image_std", {0.5, 0, 0.5}, "numbers above 0"},
       {"image_std", {0.5, 0.5, -1}, "numbers above 0"}});
}

TEST(TransformConfigErrors, OfACropNameTheFileAndTheKey) {
  expect_refused(
      {{"size", {{"shortest_edge", 20}}},
       {"crop_size", 16},
       {"image_processor_type", "CLIPImageProcessor"}},
      {{"size", {{"shortest_edge", 0}}, "shortest_edge: expected an integer from 1 to 2147483647"},
       {"size", {{"shortest_edge", 20000}}, "shortest_edge: expected at most 16384"},
       {"crop_size", {{"height", 16}, {"width", 15}}, "a square"},
       {"crop_size", {{"height", 16}}, "height and width"},
       {"crop_size", {{"shortest_edge", 16}}, "height and width"},
       {"crop_size", {16}, "height and width"},
       {"crop_size", "16", "an object"}});
  // BLIP's class has no crop of its own to fall back on.
  EXPECT_THAT(refusal(R"({"size": {"shortest_edge": 20}, "do_center_crop": true})").second,
              HasSubstr("crop_size: expected a size, for do_center_crop is true"));
}

// A setting that would change a picture, and one that does nothing.
TEST(TransformConfigErrors, NameASettingOfAnotherClass) {
  expect_refused(
      {{"size", 20},
       {"size_divisor", 32},
       {"_valid_processor_keys", {"images"}},
       {"do_pad", false},
       {"pad_size", nullptr}},
      {{"do_pad", true, "does not know what this setting does", kUnsupported},
       {"crop_pct", 0.875, "does not know what this setting does", kUnsupported},
       {"rescale_offset", true, "does not know what this setting does", kUnsupported},
       {"use_square_size", true, "does not know what this setting does", kUnsupported},
       {"image_processor_type", "ConvNextImageProcessor", "expected one of Blip", kUnsupported},
       {"feature_extractor_type", "BeitFeatureExtractor",
        "ViTImageProcessor, DeiTImageProcessor, found \"BeitFeatureExtractor\"", kUnsupported}});
}

TEST(TransformConfigErrors, OfABackgroundNameTheFileAndTheKey) {
  expect_refused({{"size", 20}, {"resize_mode", "place_on_background"}, {"fill", 0.9}},
                 {{"fill", 0, "a number above 0"},
                  {"fill", 1.1, "a share from 0 to 1"},
                  {"fill", "all", "a number"},
                  {"background", "white", "three numbers"},
                  {"background", {1, 2}, "three numbers"},
                  {"background", {1, 2, 256}, "bytes"},
                  {"background", {-1, 2, 3}, "bytes"},
                  {"size", {{"shortest_edge", 20}}, "height and width"},
                  {"size", nullptr, "a square"}});
}

TEST(TransformConfigErrors, NameAFileThatIsNoObject) {
  for (const char* text : {"", "{", "[1, 2]", "\"size\""}) {
    const auto [code, message] = refusal(text);
    EXPECT_EQ(code, ErrorCode::kCorruptData) << text;
    EXPECT_THAT(message, HasSubstr("the/preprocessor_config.json: expected a JSON object"));
  }
}

}  // namespace
}  // namespace blip2
