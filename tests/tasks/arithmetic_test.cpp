// Tasks compute in the arithmetic of their model on whichever thread calls them, and a --dtype
// names an arithmetic.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "blip2/nn/autocast.h"
#include "blip2/tasks/captioner.h"
#include "blip2/tasks/classifier.h"
#include "blip2/tasks/embedder.h"
#include "blip2/tasks/matcher.h"
#include "tests/support/tiny/models.h"
#include "tests/support/tiny/pictures.h"

namespace blip2 {
namespace {
using testing::TemporaryFolder;

/// Enough rows that matrix products are computed in bfloat16 where that is asked for.
constexpr int kPictures = 16;
constexpr int kThreads = 4;

/// What each of several threads gets of one function at the same time.
template <typename Result>
std::vector<Result> on_threads(const std::function<Result()>& compute) {
  std::vector<Result> results(kThreads);
  std::vector<std::thread> threads;
  for (Result& result : results) {
    threads.emplace_back([&result, &compute] { result = compute(); });
  }
  for (std::thread& thread : threads) thread.join();
  return results;
}

std::vector<Picture> read_pictures(const TemporaryFolder& folder, const Bundle& bundle) {
  std::vector<Picture> pictures;
  for (const std::string& path : testing::write_pictures(folder, kPictures)) {
    pictures.push_back(read_picture(path, bundle.transform));
  }
  return pictures;
}

/// Every number that an Embedder gives of some pictures.
std::vector<float> features(const Bundle& bundle, const std::vector<Picture>& pictures) {
  const Embedder embedder(bundle, {"itc_image"}, 20);
  return embedder.embed(pictures, {}).front().values;
}

TEST(TaskArithmetic, FourThreadsCaptionInBfloat16AsOneDoes) {
  const TemporaryFolder folder;
  Bundle bundle = testing::tiny_blip_captioner(folder);
  const std::vector<Picture> pictures = read_pictures(folder, bundle);
  GenerationOptions options;
  options.num_beams = 2;
  options.max_new_tokens = 6;
  using Captions = std::vector<std::pair<std::vector<int64_t>, double>>;
  const auto captions_of = [&](const Captioner& captioner) {
    Captions all;
    for (const auto& captions : captioner.caption(pictures)) {
      all.emplace_back(captions.front().tokens, captions.front().score);
    }
    return all;
  };
  const Captions in_float32 = captions_of(Captioner(bundle, options, "a"));
  bundle.arithmetic = Arithmetic::kBFloat16;
  const Captioner captioner(bundle, options, "a");
  const Captions expected = captions_of(captioner);
  EXPECT_NE(expected, in_float32);  // else the threads below would show nothing
  for (const Captions& found : on_threads<Captions>([&] { return captions_of(captioner); })) {
    EXPECT_EQ(found, expected);
  }
}

TEST(TaskArithmetic, EveryTaskOpensItOnTheThreadThatCalls) {
  const TemporaryFolder folder;
  Bundle bundle = testing::tiny_stage1(folder);
  const std::vector<Picture> pictures = read_pictures(folder, bundle);
  const std::vector<std::string> texts(16, "a red cat");
  const auto matched = [&] {
    std::vector<double> values;
    for (const auto& row : Matcher(bundle, texts, 20).match(pictures)) {
      values.push_back(row.front().itc);
    }
    return values;
  };
  const auto classified = [&] {
    std::vector<double> values;
    const Classifier classifier(bundle, {"a red cat", "a blue dog"}, 0, 20);
    for (const Classification& found : classifier.classify(pictures)) {
      values.push_back(found.probabilities.front());
    }
    return values;
  };
  const auto embedded = [&] { return features(bundle, pictures); };
  const auto expect_everywhere = [&](const auto& compute) {
    using Result = std::decay_t<decltype(compute())>;
    bundle.arithmetic = Arithmetic::kFloat32;
    const Result in_float32 = compute();
    bundle.arithmetic = Arithmetic::kBFloat16;
    const Result expected = compute();
    EXPECT_NE(expected, in_float32);
    for (const Result& found : on_threads<Result>(compute)) EXPECT_EQ(found, expected);
  };
  expect_everywhere(matched);
  expect_everywhere(classified);
  expect_everywhere(embedded);
}

TEST(TaskArithmetic, AnOuterScopeDoesNotChangeATask) {
  const TemporaryFolder folder;
  const Bundle bundle = testing::tiny_stage1(folder);
  const std::vector<Picture> pictures = read_pictures(folder, bundle);
  const std::vector<float> expected = features(bundle, pictures);
  const Autocast outer(Arithmetic::kBFloat16);
  EXPECT_EQ(features(bundle, pictures), expected);
}

TEST(Dtype, NamesWhatIsLoadedAndWhatIsComputed) {
  const Arithmetic fastest = arithmetic(true);  // of this processor
  const BundleOptions exact = bundle_options("float32", at::kCPU);
  EXPECT_EQ(exact.arithmetic, Arithmetic::kFloat32);
  EXPECT_FALSE(exact.has_bfloat16_matrices);
  const BundleOptions bfloat16 = bundle_options("bfloat16", at::kCPU);
  EXPECT_EQ(bfloat16.arithmetic, fastest);
  EXPECT_TRUE(bfloat16.has_bfloat16_matrices);
  const BundleOptions automatic = bundle_options("auto", at::kCPU);
  EXPECT_EQ(automatic.arithmetic, fastest);
  EXPECT_FALSE(automatic.has_bfloat16_matrices);  // the weights as the file has them
  EXPECT_EQ(bundle_options("auto", at::Device(at::kCUDA, 0)).arithmetic, Arithmetic::kBFloat16);
}

}  // namespace
}  // namespace blip2
