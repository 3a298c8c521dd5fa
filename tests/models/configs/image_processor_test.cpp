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
  for (const ResizeMode mode :
       {ResizeMode::kSquash, ResizeMode::kShorterSideThenCrop, ResizeMode::kPlaceOnBackground}) {
    ImageTransform transform = efficientnet_lite0_transform();
    transform.resize_mode = mode;
    transform.image_size = 192;
    transform.shorter_side = mode == ResizeMode::kShorterSideThenCrop ? 230 : 192;
    transform.filter = Filter::kBilinear;
    if (mode == ResizeMode::kPlaceOnBackground) {
      transform.fill = 0.9;
      transform.background = {1, 2, 3};
    }
    const ImageTransform back = parse_transform(format_transform(transform), "test");
    EXPECT_EQ(back.resize_mode, transform.resize_mode);
    EXPECT_EQ(back.image_size, transform.image_size);
    EXPECT_EQ(back.shorter_side, transform.shorter_side);
    EXPECT_EQ(back.fill, transform.fill);
    EXPECT_EQ(back.background, transform.background);
    EXPECT_EQ(back.filter, transform.filter);
    EXPECT_EQ(back.rescale, transform.rescale);
    EXPECT_EQ(back.mean, transform.mean);
    EXPECT_EQ(back.std, transform.std);
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
  expect_refused(
      {{"size", {{"height", 20}, {"width", 20}}}},
      {{"do_resize", false, "only true is supported", kUnsupported},
       {"do_resize", 1, "true or false"},
       {"size", 0, "an integer from 1 to 2147483647"},
       {"size", -3, "an integer from 1 to 2147483647"},
       {"size", 16385, "at most 16384 pixels"},
       {"size", 20.5, "an integer"},
       {"size", "20", "an object"},
       {"size", {20, 20}, "an object"},
       {"size", {{"height", 20}, {"width", 21}}, "a square"},
       {"size", {{"height", 20}}, "height and width"},
       {"size", {{"width", 384}}, "height and width"},
       {"size", {{"longest_edge", 20}}, "height and width"},
       {"size", json::object(), "height and width"},
       {"size", {{"height", 16385}, {"width", 16385}}, "height: expected at most 16384 pixels"},
       {"size", {{"height", 20}, {"width", "wide"}}, "width: expected an integer"},
       {"do_center_crop", true, "only false is supported", kUnsupported},
       {"do_center_crop", "no", "true or false"},
       {"resize_mode", "stretch", "only \"place_on_background\" is supported", kUnsupported},
       {"resize_mode", 2, "a string"},
       {"resample", 1, "2 (bilinear) and 3 (bicubic), found 1", kUnsupported},
       {"resample", "bicubic", "an integer"},
       {"do_rescale", "yes", "true or false"},
       {"rescale_factor", 0, "a number above 0"},
       {"rescale_factor", "1/255", "a number"},
       {"do_normalize", 0, "true or false"},
       {"image_mean", 0.5, "three numbers"},
       {"image_mean", {0.5, 0.5}, "three numbers"},
       {"image_mean", {0.5, "x", 0.5}, "three numbers"},
       {"image_std", {0.5, 0.5, 0.5, 0.5}, "three numbers"},
       {"image_std", {0.5, 0, 0.5}, "numbers above 0"},
       {"image_std", {0.5, 0.5, -1}, "numbers above 0"}});
}

TEST(TransformConfigErrors, OfACropNameTheFileAndTheKey) {
  expect_refused(
      {{"size", {{"shortest_edge", 20}}}, {"crop_size", 16}},
      {{"do_center_crop", false, "only true is supported", kUnsupported},
       {"size", {{"shortest_edge", 0}}, "shortest_edge: expected an integer from 1 to 2147483647"},
       {"size", {{"shortest_edge", 20000}}, "shortest_edge: expected at most 16384"},
       {"crop_size", 21, "no more than size.shortest_edge"},
       {"crop_size", {{"height", 16}, {"width", 15}}, "a square"},
       {"crop_size", {{"height", 16}}, "height and width"},
       {"crop_size", "16", "an object"}});
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
                  {"size", {{"shortest_edge", 20}}, "height and width"}});
}

TEST(TransformConfigErrors, NameAFileThatIsNoObject) {
  for (const char* text : {"", "{", "[1, 2]", "\"size\"", R"({"rescale_factor": 1e999})"}) {
    const auto [code, message] = refusal(text);
    EXPECT_EQ(code, ErrorCode::kCorruptData) << text;
    EXPECT_THAT(message, HasSubstr("the/preprocessor_config.json: expected a JSON object"));
  }
}

}  // namespace
}  // namespace blip2
