// Where a directory has its image transform: in a file of its own, or in the processor's.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/models/bundle.h"
#include "blip2/models/directory/facts.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny/models.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using Json = nlohmann::ordered_json;

class DirectoryTransform : public ::testing::Test {
 protected:
  DirectoryTransform() {
    save_bundle(testing::tiny_stage2(folder_.path()), model_);
    saved_ = load_bundle(model_).transform;
  }

  /// The transform moves into processor_config.json, as transformers 5 writes it.
  void move_into_the_processor() {
    const Json own = read_json_object<Json>(own_);
    const Json processor = {{"image_processor", own}, {"processor_class", "Blip2Processor"}};
    write_file_atomic(model_ / "processor_config.json", processor.dump());
  }

  const TemporaryFolder folder_;
  const fs::path model_ = folder_ / "model";
  const fs::path own_ = model_ / "preprocessor_config.json";
  ImageTransform saved_;
};

TEST_F(DirectoryTransform, OfTransformers5IsInTheProcessor) {
  move_into_the_processor();
  fs::remove(own_);
  EXPECT_TRUE(load_bundle(model_).transform == saved_);
  EXPECT_EQ(image_encoder_facts(model_).image_size, saved_.image_size);
}

TEST_F(DirectoryTransform, OfBothIsTheProcessors) {
  move_into_the_processor();
  write_file_atomic(own_, R"({"size": 30})");
  EXPECT_TRUE(load_bundle(model_).transform == saved_);
}

TEST_F(DirectoryTransform, IsNotInAProcessorOfTransformers4) {
  write_file_atomic(model_ / "processor_config.json", R"({"num_query_tokens": 5})");
  EXPECT_TRUE(load_bundle(model_).transform == saved_);
}

TEST_F(DirectoryTransform, ThatIsMissingIsNamedWithBothFiles) {
  fs::remove(own_);
  const auto [code, message] = testing::error_of([&] { load_bundle(model_); });
  EXPECT_EQ(code, ErrorCode::kNotFound);
  EXPECT_THAT(message, AllOf(HasSubstr(model_.string()), HasSubstr("preprocessor_config.json"),
                             HasSubstr("processor_config.json with image_processor")));
}

TEST_F(DirectoryTransform, ThatIsBrokenInTheProcessorIsNamed) {
  write_file_atomic(model_ / "processor_config.json", R"({"image_processor": {"size": "wide"}})");
  EXPECT_THAT(testing::error_of([&] { load_bundle(model_); }).second,
              HasSubstr("processor_config.json: image_processor: size: expected an object"));
}

TEST_F(DirectoryTransform, ThatResizesNothingGivesTheEncodersSize) {
  write_file_atomic(own_, R"({"do_resize": false})");
  EXPECT_EQ(load_bundle(model_).transform.image_size, 16);
}

}  // namespace
}  // namespace blip2
