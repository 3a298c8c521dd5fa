// The features that `embed` writes: their shapes, and that matching follows from them.
#include "blip2/tasks/embedder.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/from_blob.h>
#include <gmock/gmock.h>

#include "blip2/base/error.h"
#include "blip2/models/similarity.h"
#include "blip2/nn/pixel_batch.h"
#include "blip2/tasks/matcher.h"
#include "tests/support/tiny/models.h"
#include "tests/support/tiny/pictures.h"

namespace blip2 {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

class EmbedderTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  Bundle bundle_ = testing::tiny_stage1(folder_);
  std::vector<Picture> pictures_;

  void SetUp() override {
    for (const std::string& path : testing::write_pictures(folder_, 3)) {
      pictures_.push_back(read_picture(path, bundle_.transform));
    }
  }
  std::vector<FeatureRows> embed(const std::vector<std::string>& features,
                                 const std::vector<Picture>& pictures,
                                 const std::vector<std::string>& texts) const {
    return Embedder(bundle_, features, 20).embed(pictures, texts);
  }
};

TEST_F(EmbedderTest, EveryFeatureHasARowForEachPair) {
  const auto rows = embed({"pixel_values", "image_embeds", "query_output", "itc_image", "itc_text",
                           "multimodal", "logits"},
                          pictures_, {"a red cat", "dog", "green"});
  ASSERT_EQ(rows.size(), 7U);
  EXPECT_THAT(rows[0].row_shape, ElementsAre(3, 24, 24));
  EXPECT_THAT(rows[1].row_shape, ElementsAre(9, 3));
  EXPECT_THAT(rows[2].row_shape, ElementsAre(4, 16));
  EXPECT_THAT(rows[3].row_shape, ElementsAre(4, 5));
  EXPECT_THAT(rows[4].row_shape, ElementsAre(5));
  EXPECT_THAT(rows[5].row_shape, ElementsAre(4, 16));
  EXPECT_THAT(rows[6].row_shape, ElementsAre(12));
  for (const FeatureRows& feature : rows) {
    int64_t size = 3;
    for (const int64_t dimension : feature.row_shape) size *= dimension;
    EXPECT_EQ(static_cast<int64_t>(feature.values.size()), size) << feature.name;
  }
}

/// The cosine of the best query and the matching logits, computed from the features, are Matcher's.
TEST_F(EmbedderTest, FeaturesAreWhatMatchingReads) {
  const std::vector<std::string> texts = {"a red cat", "dog", "blue blue dog"};
  auto rows = embed({"itc_image", "itc_text", "multimodal"}, pictures_, texts);
  const Matcher matcher(bundle_, texts, 20);
  const auto matches = matcher.match(pictures_);
  const at::Tensor multimodal = at::from_blob(rows[2].values.data(), {3, 4, 16});
  const at::Tensor logits = apply(bundle_.stage1->itm_head, multimodal).mean(1);
  for (size_t i = 0; i < 3; ++i) {
    double best = -2;
    for (size_t q = 0; q < 4; ++q) {
      double cosine = 0;
      for (size_t e = 0; e < 5; ++e) {
        cosine += double{rows[0].values[(i * 4 + q) * 5 + e]} * rows[1].values[i * 5 + e];
      }
      best = std::max(best, cosine);
    }
    EXPECT_NEAR(matches[i][i].itc, best, 1e-5);
    EXPECT_NEAR(matches[i][i].itm.value().logits[1],
                logits[static_cast<int64_t>(i)][1].item<double>(), 1e-4);
  }
}

TEST_F(EmbedderTest, OnePictureServesAllTexts) {
  const std::vector<std::string> texts = {"a red cat", "dog"};
  const auto one = embed({"itc_image", "multimodal"}, {pictures_[1]}, texts);
  const auto pairs = embed({"itc_image", "multimodal"}, {pictures_[1], pictures_[1]}, texts);
  for (size_t feature = 0; feature < 2; ++feature) {
    ASSERT_EQ(one[feature].values.size(), pairs[feature].values.size());
    for (size_t i = 0; i < one[feature].values.size(); ++i) {
      EXPECT_NEAR(one[feature].values[i], pairs[feature].values[i], 1e-5);
    }
  }
}

TEST_F(EmbedderTest, RefusesWhatDoesNotFit) {
  try {
    embed({"itc_images"}, pictures_, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("did you mean 'itc_image'"));
  }
  EXPECT_THROW(embed({"language_inputs"}, pictures_, {}), Error);
  EXPECT_THROW(embed({"multimodal"}, pictures_, {}), Error);
  EXPECT_THROW(embed({"multimodal"}, pictures_, {"one", "two"}), Error);
  EXPECT_THROW(embed({"itc_image", "itc_image"}, pictures_, {}), Error);
  EXPECT_THROW(embed({"itc_image"}, {}, {"a"}), Error);
  EXPECT_THROW(embed({}, pictures_, {}), Error);
}

}  // namespace
}  // namespace blip2
