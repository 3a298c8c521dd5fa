// Zero-shot classification against softmax in plain loops over the cosines and logits of `match`.
#include "blip2/tasks/classifier.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

#include "blip2/base/error.h"
#include "blip2/tasks/matcher.h"
#include "tests/support/errors.h"
#include "tests/support/tiny/models.h"
#include "tests/support/tiny/pictures.h"

namespace blip2 {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

class ClassifierTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const std::string& path : testing::write_pictures(folder_, 3)) {
      pictures_.push_back(read_picture(path, bundle_.transform));
    }
    bundle_.stage1->temperature.fill_(0.3);
  }

  TemporaryFolder folder_;
  Bundle bundle_ = testing::tiny_stage1(folder_);
  std::vector<Picture> pictures_;
  const std::vector<std::string> labels_ = {"a red cat", "dog", "a dog", "cat"};
};

TEST_F(ClassifierTest, IsASoftmaxOfCosines) {
  const auto matches = Matcher(bundle_, labels_, 20).match(pictures_);
  const auto found = Classifier(bundle_, labels_, 0, 20).classify(pictures_);
  ASSERT_EQ(found.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    double sum = 0;
    for (const Match& match : matches[i]) sum += std::exp(match.itc / 0.3);
    size_t best = 0;
    for (size_t l = 0; l < labels_.size(); ++l) {
      EXPECT_NEAR(found[i].probabilities[l], std::exp(matches[i][l].itc / 0.3) / sum, 1e-5);
      if (matches[i][l].itc > matches[i][best].itc) best = l;
    }
    EXPECT_EQ(found[i].best, best);
  }
}

TEST_F(ClassifierTest, RerankingSharesOutWhatTheBestHad) {
  const auto matches = Matcher(bundle_, labels_, 20).match(pictures_);
  const auto plain = Classifier(bundle_, labels_, 0, 20).classify(pictures_);
  const auto reranked = Classifier(bundle_, labels_, 2, 20).classify(pictures_);
  for (size_t i = 0; i < 3; ++i) {
    std::vector<size_t> order(labels_.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return plain[i].probabilities[a] > plain[i].probabilities[b];
    });
    const auto score = [&](size_t l) { return matches[i][l].itc + matches[i][l].itm->logits[1]; };
    const double share = plain[i].probabilities[order[0]] + plain[i].probabilities[order[1]];
    const double first = 1 / (1 + std::exp(score(order[1]) - score(order[0])));
    EXPECT_NEAR(reranked[i].probabilities[order[0]], share * first, 1e-5);
    EXPECT_NEAR(reranked[i].probabilities[order[1]], share * (1 - first), 1e-5);
    EXPECT_DOUBLE_EQ(reranked[i].probabilities[order[2]], plain[i].probabilities[order[2]]);
  }
}

TEST_F(ClassifierTest, Refuses) {
  EXPECT_THROW(Classifier(bundle_, {"one"}, 0, 20), Error);
  EXPECT_THROW(Classifier(bundle_, labels_, -1, 20), Error);
  bundle_.features.reset();
  EXPECT_THROW(Classifier(bundle_, labels_, 0, 20), Error);
}

TEST(ReadLabels, OfAListAndOfAFile) {
  EXPECT_THAT(read_labels("a cat, dog"), ElementsAre("a cat", "dog"));
  const TemporaryFolder folder;
  const auto path = folder.write("labels.txt", "a cat, black\r\n\n dog\n");
  EXPECT_THAT(read_labels(path.string()), ElementsAre("a cat, black", "dog"));
  EXPECT_THROW(read_labels("a,,b"), Error);
  EXPECT_THROW(read_labels("a,b,a"), Error);
}

TEST(ReadLabels, SaysWhatIsWrongWithTheFile) {
  const TemporaryFolder folder;
  const auto says = [](const std::string& labels) {
    return testing::error_of([&] { read_labels(labels); }).second;
  };
  EXPECT_THAT(says("labels/nosuch.txt"),
              HasSubstr("found \"labels/nosuch.txt\", which is no file"));
  EXPECT_THAT(says(folder.path()), HasSubstr("which is no file"));
  const std::string one = folder.write("one.txt", "a cat\n");
  EXPECT_THAT(says(one), HasSubstr(one + ": expected two labels or more, a line each, found 1"));
  for (const char* bytes : {"a cat\n\xff\xfe\n", "a cat\nb\x01\n"}) {
    const std::string binary = folder.write("binary.txt", bytes);
    EXPECT_THAT(says(binary), HasSubstr(binary + ":2: expected"));
  }
}

}  // namespace
}  // namespace blip2
