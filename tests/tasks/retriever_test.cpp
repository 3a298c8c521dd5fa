// An index of pictures: what it holds, searches against plain loops, and damaged or foreign
// indexes.
#include "blip2/tasks/retriever.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/tasks/embedder.h"
#include "blip2/tasks/matcher.h"
#include "blip2/tasks/search_report.h"
#include "tests/support/tiny/models.h"
#include "tests/support/tiny/pictures.h"

namespace blip2 {
namespace {
namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

class RetrieverTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  Bundle bundle_ = testing::tiny_stage1(folder_);
  std::vector<std::string> paths_ = testing::write_pictures(folder_, 11);
  fs::path directory_ = folder_ / "index";

  void SetUp() override {
    folder_.write("model/config.json", "{}");
    paths_.push_back(paths_[4]);  // a picture twice: equal scores
    build(paths_);
  }
  void build(const std::vector<std::string>& paths) {
    IndexBuilder builder(bundle_, folder_ / "model", directory_);
    for (size_t first = 0; first < paths.size(); first += 5) {
      builder.add(read(paths, first, std::min(first + 5, paths.size())));
    }
    builder.finish();
  }
  std::vector<Picture> read(const std::vector<std::string>& paths, size_t begin, size_t end) const {
    std::vector<Picture> pictures;
    for (size_t i = begin; i < end; ++i)
      pictures.push_back(read_picture(paths[i], bundle_.transform));
    return pictures;
  }
  std::vector<float> feature(const std::string& name, const std::vector<Picture>& pictures,
                             const std::vector<std::string>& texts) const {
    return Embedder(bundle_, {name}, 20).embed(pictures, texts).front().values;
  }
  double cosine(const float* a, const float* b) const {
    double sum = 0;
    for (int e = 0; e < 5; ++e) sum += double{a[e]} * b[e];
    return sum;
  }
  /// What opening the index says, or "" if it opens.
  std::string refusal() const {
    try {
      const Index index(directory_);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  void damage(const std::string& name, const std::string& content) const {
    std::ofstream(directory_ / name, std::ios::binary) << content;
  }
};

TEST_F(RetrieverTest, FeaturesThatAreNoNumbersAreRefused) {
  const std::string good = read_file(directory_ / "features.safetensors");
  for (const float value : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    std::string bytes = good;
    // The last number of row 11: 4 queries of 5 numbers each.
    std::memcpy(bytes.data() + bytes.size() - sizeof(float), &value, sizeof(float));
    damage("features.safetensors", bytes);
    EXPECT_THAT(refusal(), HasSubstr((directory_ / "features.safetensors").string()));
    EXPECT_THAT(refusal(), HasSubstr("row 11 (" + paths_[11] + ")"));
  }
  damage("features.safetensors", good);
  EXPECT_EQ(refusal(), "");
}

TEST_F(RetrieverTest, AnIndexHoldsWhatWasAdded) {
  const Index index(directory_);
  ASSERT_EQ(index.size(), 12);
  EXPECT_EQ(index.num_queries(), 4);
  EXPECT_EQ(index.embed_dim(), 5);
  EXPECT_TRUE(index.is_made_by(folder_ / "model"));
  const std::vector<float> expected = feature("itc_image", read(paths_, 0, 12), {});
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(index.features()[i], expected[i], 1e-5);
  for (size_t i = 0; i < 12; ++i) EXPECT_EQ(index.image(static_cast<int64_t>(i)), paths_[i]);
  std::ofstream(folder_ / "model/config.json") << "{ }";
  EXPECT_FALSE(index.is_made_by(folder_ / "model"));
}

TEST_F(RetrieverTest, TextSearchOrdersAsAPlainLoop) {
  const Retriever retriever(bundle_, Index(directory_), {.top = 12});
  const std::vector<float> images = feature("itc_image", read(paths_, 0, 12), {});
  for (const std::string query : {"a red cat", "dog", "green green blue"}) {
    const std::vector<float> text = feature("itc_text", {}, {query});
    std::vector<std::pair<double, int64_t>> expected;
    for (size_t i = 0; i < 12; ++i) {
      double best = -2;
      for (size_t q = 0; q < 4; ++q) {
        best = std::max(best, cosine(&images[(i * 4 + q) * 5], text.data()));
      }
      expected.emplace_back(best, i);
    }
    std::stable_sort(expected.begin(), expected.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first + 1e-6; });
    const auto found = retriever.search(query);
    ASSERT_EQ(found.size(), 12U);
    size_t twin = 0;
    for (size_t i = 0; i < 12; ++i) {
      EXPECT_EQ(found[i].row, expected[i].second) << query << ", rank " << i;
      EXPECT_NEAR(found[i].score, expected[i].first, 1e-5);
      if (found[i].row == 4) twin = i;
    }
    EXPECT_EQ(found[twin + 1].row, 11);  // the same picture again: a tie, in the index's order
  }
}

TEST_F(RetrieverTest, PictureSearchIsTheMeanOverQueriesOfTheBest) {
  const Retriever retriever(bundle_, Index(directory_), {.top = 12});
  const std::vector<float> images = feature("itc_image", read(paths_, 0, 12), {});
  const auto found = retriever.search(paths_[2]);
  ASSERT_EQ(found.size(), 12U);
  for (const FoundImage& image : found) {
    double mean = 0;
    for (size_t q = 0; q < 4; ++q) {
      double best = -2;
      for (size_t p = 0; p < 4; ++p) {
        best = std::max(best, cosine(&images[(static_cast<size_t>(image.row) * 4 + p) * 5],
                                     &images[(2 * 4 + q) * 5]));
      }
      mean += best / 4;
    }
    EXPECT_NEAR(image.score, mean, 1e-5);
  }
  EXPECT_EQ(found.front().row, 2);  // itself: every query has its own cosine, 1
  EXPECT_NEAR(found.front().score, 1, 1e-5);
}

TEST_F(RetrieverTest, RerankingAddsTheMatchingLogit) {
  const Retriever plain(bundle_, Index(directory_), {.top = 6});
  const Retriever reranked(bundle_, Index(directory_), {.top = 3, .rerank = 6});
  const Matcher matcher(bundle_, {"a red cat"}, 20);
  std::vector<std::pair<double, int64_t>> expected;
  for (const FoundImage& image : plain.search("a red cat")) {
    const auto match = matcher.match({read_picture(image.image, bundle_.transform)});
    expected.emplace_back(match[0][0].itm.value().logits[1] + image.score, image.row);
  }
  std::sort(expected.rbegin(), expected.rend());
  const auto found = reranked.search("a red cat");
  ASSERT_EQ(found.size(), 3U);
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(found[i].score, expected[i].first, 1e-4);
  EXPECT_THROW(reranked.search(paths_[0]), Error);
}

TEST_F(RetrieverTest, ACandidateThatIsGoneIsLeftOutAndNamed) {
  build({paths_.begin(), paths_.begin() + 11});  // each picture once
  const Retriever reranked(bundle_, Index(directory_), {.top = 6, .rerank = 6});
  const auto before = reranked.search("a red cat");
  ASSERT_EQ(before.size(), 6U);
  std::filesystem::remove(before[2].image);
  std::ofstream(before[4].image) << "no picture";
  std::vector<std::string> failed;
  const auto after =
      reranked.search("a red cat", [&](const std::string& name, const std::string& reason) {
        EXPECT_THAT(reason, HasSubstr(name));
        failed.push_back(name);
      });
  EXPECT_THAT(failed, ::testing::UnorderedElementsAre(before[2].image, before[4].image));
  ASSERT_EQ(after.size(), 4U);
  for (size_t i = 0; i < 4; ++i) {
    const FoundImage& expected = before[i < 2 ? i : i == 2 ? 3 : 5];
    EXPECT_EQ(after[i].row, expected.row);
    EXPECT_NEAR(after[i].score, expected.score, 1e-4);
  }
  EXPECT_THROW(reranked.search("a red cat"), Error);
}

TEST_F(RetrieverTest, ANameThatIsNoUtf8IsFoundAgain) {
  const std::vector<std::string> names = {(folder_ / "caf\xe9.png").string(),
                                          (folder_ / "caf\xe8.png").string()};
  for (size_t i = 0; i < 2; ++i) std::filesystem::copy_file(paths_[i], names[i]);
  IndexBuilder builder(bundle_, folder_ / "model", folder_ / "latin");
  builder.add(read(names, 0, 2));
  builder.finish();
  const Index index(folder_ / "latin");
  for (int64_t row = 0; row < 2; ++row) {
    EXPECT_EQ(index.image(row), names[static_cast<size_t>(row)]);
    EXPECT_TRUE(std::filesystem::exists(index.image_file(row)));
  }
}

TEST_F(RetrieverTest, DamagedAndForeignIndexesAreRefused) {
  const std::string good = read_file(directory_ / "index.json");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  for (const std::string& bad :
       {std::string("[]"), good.substr(0, good.size() / 2), with("12", "13"), with("12", "-1"),
        with("12", "\"12\""), with("\"embed_dim\": 5", "\"embed_dim\": 6"),
        with("blip2-index-1", "blip2-index-9"), with("\"model\"", "\"modal\""),
        with("\"num_queries\": 4", "\"num_queries\": 4000000000000")}) {
    damage("index.json", bad);
    EXPECT_THAT(refusal(), HasSubstr(directory_.string())) << bad;
    EXPECT_EQ(refusal().find('\n'), std::string::npos);
  }
  damage("index.json", good);
  EXPECT_EQ(refusal(), "");

  const std::string images = read_file(directory_ / "images.jsonl");
  for (const std::string& bad :
       {images.substr(0, images.size() - 3), images + "{}\n", images + images, std::string()}) {
    damage("images.jsonl", bad);
    EXPECT_THAT(refusal(), HasSubstr("images.jsonl"));
  }
  damage("images.jsonl", images);
  const std::string features = read_file(directory_ / "features.safetensors");
  damage("features.safetensors", features.substr(0, features.size() - 4));
  EXPECT_THAT(refusal(), HasSubstr("features.safetensors"));
  fs::remove(directory_ / "features.safetensors");
  EXPECT_THAT(refusal(), HasSubstr("features.safetensors"));
  fs::remove_all(directory_);
  EXPECT_THAT(refusal(), HasSubstr("index"));
}

TEST_F(RetrieverTest, BuildingReplacesAnIndexAndNothingElse) {
  build({paths_[0]});
  EXPECT_EQ(Index(directory_).size(), 1);
  {
    IndexBuilder unfinished(bundle_, folder_ / "model", directory_);
    unfinished.add(read(paths_, 0, 3));
  }
  EXPECT_EQ(Index(directory_).size(), 1);
  for (const auto& entry : fs::directory_iterator(folder_.path())) {
    EXPECT_FALSE(entry.path().filename().string().starts_with(".")) << entry.path();
  }
  folder_.write("mine/thesis.txt", "dear to me");
  EXPECT_THROW(IndexBuilder(bundle_, folder_ / "model", folder_ / "mine"), Error);
  EXPECT_TRUE(fs::exists(folder_ / "mine/thesis.txt"));
  IndexBuilder empty(bundle_, folder_ / "model", folder_ / "empty");
  EXPECT_THROW(empty.finish(), Error);
}

TEST_F(RetrieverTest, AModelOfAnotherShapeIsRefused) {
  bundle_.stage1->config.embed_dim = 6;
  EXPECT_THROW(Retriever(bundle_, Index(directory_), {}), Error);
}

TEST_F(RetrieverTest, TheReportShowsWhatWasFound) {
  const Index index(directory_);
  const Retriever retriever(bundle_, index, {.top = 3});
  auto found = retriever.search("a red cat");
  fs::remove(found[1].image);
  write_search_report(folder_ / "report.html", index, {{"a <red> cat", found}});
  const std::string html = read_file(folder_ / "report.html");
  EXPECT_THAT(html, HasSubstr("a &lt;red&gt; cat"));
  EXPECT_THAT(html, HasSubstr("data:image/png;base64,"));
  EXPECT_THAT(html, HasSubstr("cannot be read"));
}

}  // namespace
}  // namespace blip2
