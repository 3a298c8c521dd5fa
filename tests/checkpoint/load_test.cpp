#include "blip2/checkpoint/load.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "blip2/checkpoint/open_source.h"
#include "blip2/checkpoint/safetensors.h"
#include "tests/checkpoint/golden.h"

namespace blip2 {
namespace {

using namespace checkpoint_test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::unique_ptr<TensorSource> three() {
  return make_memory_source("memory", {{"a", at::tensor({1.0f, 2.0f})},
                                       {"b", at::tensor({3.0f}).to(at::kHalf)},
                                       {"c", at::ones({2, 3})}});
}

TEST(Load, FillsSlotsInTheirDtypeAndMemory) {
  at::Tensor a = at::zeros({2});
  at::Tensor b = at::zeros({1});
  at::Tensor c = at::zeros({2, 3}, at::kBFloat16);
  const at::Tensor alias = a;
  a.set_requires_grad(true);
  const LoadReport report = load(*three(), {{"a", &a}, {"b", &b}, {"c", &c}});
  EXPECT_TRUE(report.ok());
  EXPECT_TRUE(at::equal(a.detach(), at::tensor({1.0f, 2.0f})));
  EXPECT_TRUE(a.is_same(alias));
  EXPECT_TRUE(a.requires_grad());
  EXPECT_TRUE(at::equal(b, at::tensor({3.0f})));
  EXPECT_TRUE(at::equal(c, at::ones({2, 3}, at::kBFloat16)));
}

TEST(Load, ReportsEveryDisagreement) {
  at::Tensor a = at::zeros({3});
  at::Tensor d = at::zeros({1});
  at::Tensor e = at::zeros({1});
  const std::vector<Slot> slots = {{"a", &a}, {"d", &d}, {"e", &e, true}};
  const LoadReport report = inspect(*three(), slots);
  EXPECT_FALSE(report.ok());
  EXPECT_THAT(report.missing, ElementsAre("d"));
  EXPECT_THAT(report.skipped, ElementsAre("e"));
  EXPECT_THAT(report.unused, ElementsAre("b", "c"));
  ASSERT_EQ(report.misshapen.size(), 1u);
  EXPECT_EQ(report.misshapen[0].name, "a");
  EXPECT_THAT(report.misshapen[0].expected, ElementsAre(3));
  EXPECT_THAT(report.misshapen[0].found, ElementsAre(2));

  const std::string message = error_of([&] { load(*three(), slots); });
  EXPECT_EQ(message,
            "memory: 1 tensor missing: \"d\"; 2 unexpected tensors: \"b\", \"c\"; \"a\" has the "
            "shape [2], "
            "expected [3]");
  EXPECT_TRUE(at::equal(a, at::zeros({3})));
}

TEST(Load, TouchesNothingWhenItRefuses) {
  at::Tensor a = at::zeros({2});
  at::Tensor b = at::zeros({9});
  EXPECT_THAT(error_of([&] { load(*three(), {{"a", &a}, {"b", &b}}); }), HasSubstr("expected [9]"));
  EXPECT_TRUE(at::equal(a, at::zeros({2})));
}

TEST(Load, LeavesOptionalSlotsAndIgnoresNamedTensors) {
  at::Tensor a = at::zeros({2});
  at::Tensor z = at::full({1}, 7.0);
  const LoadReport report =
      load(*three(), {{"a", &a}, {"z", &z, true}}, {.ignore_unused = {"b", "**.c"}});
  EXPECT_THAT(report.skipped, ElementsAre("z"));
  EXPECT_EQ(z.item<float>(), 7.0f);
  at::Tensor wrong = at::zeros({5});
  EXPECT_THAT(error_of([&] { load(*three(), {{"a", &wrong, true}}, {.ignore_unused = {"**"}}); }),
              HasSubstr("expected [5]"));
}

TEST(Load, FindsTiedTensorsUnderAnyOfTheirNames) {
  at::Tensor x = at::zeros({2});
  at::Tensor c = at::zeros({2, 3});
  // "a" is read for "x"; "b", another name that is there, counts as used.
  const Slot tied{"x", &x, false, {"y", "a", "b"}};
  EXPECT_TRUE(load(*three(), {tied, {"c", &c}}).ok());
  EXPECT_TRUE(at::equal(x, at::tensor({1.0f, 2.0f})));
  at::Tensor b = at::zeros({1});
  EXPECT_TRUE(load(*three(), {{"b", &b, false, {"a"}}, {"c", &c}}).ok());
  EXPECT_EQ(b.item<float>(), 3.0f);
  at::Tensor wrong = at::zeros({5});
  const std::string message =
      error_of([&] { load(*three(), {{"x", &wrong, false, {"a"}}}, {.ignore_unused = {"*"}}); });
  EXPECT_THAT(message, HasSubstr("\"a\" has the shape [2], expected [5]"));
  EXPECT_THAT(inspect(*three(), {{"x", &x, false, {"y"}}}).missing, ElementsAre("x"));
}

TEST(Load, SaysWhyATensorIsMissing) {
  at::Tensor needed = at::zeros({2});
  const auto source = open_source(golden_folder() / "opaque.pth");
  EXPECT_THAT(error_of([&] { load(*source, {{"needed", &needed}}, {.ignore_unused = {"*"}}); }),
              HasSubstr("\"needed\" is made by \"__main__.make_rebuilt\""));
  EXPECT_THAT(error_of([&] { load(*source, {{"neede", &needed}}, {.ignore_unused = {"*"}}); }),
              HasSubstr("1 tensor missing: \"neede\""));
}

TEST(Load, WholeNumbersAreNoWeights) {
  const auto source = make_memory_source("memory", {{"eight_bits", at::ones({2}, at::kChar)},
                                                    {"truth", at::ones({2}, at::kBool)},
                                                    {"count", at::ones({}, at::kInt)},
                                                    {"real", at::ones({})}});
  at::Tensor a = at::zeros({2}), b = at::zeros({2}), count = at::zeros({}, at::kLong);
  at::Tensor real = at::zeros({});
  const std::vector<Slot> good = {{"count", &count}, {"real", &real}};
  load(*source, good, {.ignore_unused = {"*"}});
  const std::string message = error_of([&] {
    load(*source, {{"eight_bits", &a}, {"truth", &b}, {"real", &count}}, {.ignore_unused = {"*"}});
  });
  EXPECT_THAT(message,
              AllOf(HasSubstr("\"eight_bits\" is stored as int8, expected floating-point numbers"),
                    HasSubstr("\"truth\" is stored as bool, expected floating-point numbers"),
                    HasSubstr("\"real\" is stored as float32, expected whole numbers")));
}

TEST(Load, NamesAHandfulOnly) {
  std::vector<at::Tensor> tensors(9, at::zeros({1}));
  std::vector<Slot> slots;
  for (size_t i = 0; i < tensors.size(); ++i)
    slots.push_back({"x" + std::to_string(i), &tensors[i]});
  EXPECT_THAT(error_of([&] { load(*three(), slots, {.ignore_unused = {"*"}}); }),
              HasSubstr("9 tensors missing: \"x0\", \"x1\", \"x2\", \"x3\", \"x4\" and 4 more"));
}

TEST(Load, ViewsTheFileOnlyWhereThatIsSafe) {
  const TemporaryFolder folder;
  write_safetensors(folder / "x", {{"a", at::tensor({1.0f, 2.0f})}});
  const auto source = open_source(folder / "x");
  const void* mapped = source->read("a").const_data_ptr();
  at::Tensor view = at::zeros({2});
  at::Tensor trained = at::zeros({2}).set_requires_grad(true);
  at::Tensor half = at::zeros({2}, at::kHalf);
  at::Tensor copied = at::zeros({2});
  load(*source, {{"a", &view}, {"a", &trained}, {"a", &half}}, {.copy = false});
  load(*source, {{"a", &copied}});
  EXPECT_EQ(view.const_data_ptr(), mapped);
  EXPECT_NE(trained.const_data_ptr(), mapped);
  EXPECT_NE(copied.const_data_ptr(), mapped);
  EXPECT_TRUE(at::equal(half, at::tensor({1.0f, 2.0f}).to(at::kHalf)));
  copied.add_(1);
  EXPECT_TRUE(at::equal(view, at::tensor({1.0f, 2.0f})));
}

TEST(Load, GivesMetaSlotsMemory) {
  at::Tensor a = at::empty({2}, at::TensorOptions().device(at::kMeta).dtype(at::kDouble));
  load(*three(), {{"a", &a}}, {.ignore_unused = {"*"}});
  EXPECT_TRUE(a.device().is_cpu());
  EXPECT_TRUE(at::equal(a, at::tensor({1.0, 2.0})));
}

TEST(Load, ChecksFiniteness) {
  for (const float value : {std::nanf(""), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
    for (const at::ScalarType dtype : {at::kFloat, at::kHalf, at::kBFloat16, at::kDouble}) {
      const auto source =
          make_memory_source("memory", {{"a", at::zeros({0})},
                                        {"good", at::tensor({1.0f, 60000.0f}).to(dtype)},
                                        {"bad", at::tensor({0.0f, value, 1.0f}).to(dtype)}});
      at::Tensor a = at::zeros({0});
      at::Tensor good = at::zeros({2});
      at::Tensor bad = at::zeros({3});
      const std::vector<Slot> slots = {{"a", &a}, {"good", &good}, {"bad", &bad}};
      load(*source, slots);
      EXPECT_THAT(error_of([&] { load(*source, slots, {.check_finite = true}); }),
                  HasSubstr("\"bad\" has a value that is not finite"));
    }
  }
}

}  // namespace
}  // namespace blip2
