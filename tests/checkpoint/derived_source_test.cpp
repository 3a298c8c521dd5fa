#include "blip2/checkpoint/derived_source.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>

#include "blip2/checkpoint/open_source.h"
#include "tests/checkpoint/golden.h"

namespace blip2 {
namespace {

using namespace checkpoint_test;
using ::testing::HasSubstr;

std::unique_ptr<TensorSource> two() {
  return make_memory_source("two", {{"a", at::tensor({1.0f, 2.0f})}, {"b", at::tensor({3.0f})}});
}

TEST(DerivedSource, RenamesAndComputes) {
  std::vector<DerivedTensor> tensors = {renamed_tensor({"b", at::kFloat, {1}}, "z")};
  tensors.push_back({{"joined", at::kFloat, {3}}, [](const TensorSource& source) {
                       return at::cat({source.read("a"), source.read("b")});
                     }});
  const auto source = make_derived_source(two(), std::move(tensors));
  ASSERT_EQ(source->infos().size(), 2u);
  EXPECT_EQ(source->infos()[0].name, "joined");
  EXPECT_EQ(source->infos()[1].name, "z");
  EXPECT_FALSE(source->has("a"));
  EXPECT_TRUE(at::equal(source->read("joined"), at::tensor({1.0f, 2.0f, 3.0f})));
  EXPECT_TRUE(at::equal(source->read("z"), at::tensor({3.0f})));
  EXPECT_THAT(error_of([&] { source->read("a"); }), HasSubstr("two: no tensor is named \"a\""));
}

TEST(DerivedSource, RefusesANameTwice) {
  EXPECT_THAT(error_of([] {
                make_derived_source(two(), {renamed_tensor({"a", at::kFloat, {2}}, "z"),
                                            renamed_tensor({"b", at::kFloat, {1}}, "z")});
              }),
              HasSubstr("two tensors lead to the name \"z\""));
}

TEST(DerivedSource, PassesOnWhatTheInnerSourceKnowsOfAMissingTensor) {
  const auto source =
      make_derived_source(open_source(golden_folder() / "opaque.pth"), {},
                          [](const std::string& name) -> std::optional<std::string> {
                            if (name == "theirs") return "needed";
                            return std::nullopt;
                          });
  EXPECT_THAT(error_of([&] { source->read("theirs"); }), HasSubstr("__main__.make_rebuilt"));
  EXPECT_THAT(error_of([&] { source->read("other"); }), HasSubstr("no tensor is named \"other\""));
}

TEST(JoinedSource, IsAllOfItsParts) {
  std::vector<SourcePart> parts;
  parts.push_back({two(), "x."});
  parts.push_back({make_memory_source("more", {{"a", at::ones({4})}})});
  const auto source = join_sources(std::move(parts));
  std::vector<std::string> names;
  for (const TensorInfo& info : source->infos()) names.push_back(info.name);
  EXPECT_THAT(names, ::testing::ElementsAre("a", "x.a", "x.b"));
  EXPECT_EQ(source->read("a").numel(), 4);
  EXPECT_TRUE(at::equal(source->read("x.b"), at::tensor({3.0f})));
  EXPECT_EQ(source->describe(), "two + more");
  EXPECT_THAT(error_of([&] { source->read("b"); }), HasSubstr("no tensor is named \"b\""));

  parts.clear();
  parts.push_back({two()});
  parts.push_back({make_memory_source("more", {{"a", at::ones({4})}})});
  EXPECT_THAT(error_of([&] { join_sources(std::move(parts)); }),
              HasSubstr("more: another part has a tensor \"a\""));
}

}  // namespace
}  // namespace blip2
