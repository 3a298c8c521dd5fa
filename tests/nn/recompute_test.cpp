// A recomputed layer against the plain one: the same values and gradients to the bit, dropout
// included, in less memory.
#include "blip2/nn/recompute.h"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/dropout.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "blip2/nn/linear.h"

namespace blip2 {
namespace {

using Tensors = std::vector<at::Tensor>;

struct Block {
  Linear up, down;
};

void visit(Block& block, const Visitor& visitor) {
  visit(block.up, visitor.under("up"));
  visit(block.down, visitor.under("down"));
}

/// x, y -> a new x and what it was made of; both draw from the generator.
Tensors run(const Block& block, const Tensors& inputs) {
  const at::Tensor inner = at::dropout(at::gelu(apply(block.up, inputs[0])), 0.3, true);
  return {inputs[0] + at::dropout(apply(block.down, inner), 0.2, true) * inputs[1], inner};
}

class Recompute : public ::testing::Test {
 protected:
  Recompute() {
    Random random(3, "block");
    block_ = {make_linear(5, 7), make_linear(7, 5)};
    for (Linear* linear : {&block_.up, &block_.down}) initialise_normal(*linear, 0.5, random);
    set_trainable(named_tensors(block_), true);
    at::manual_seed(5);
    x_ = at::randn({4, 5});
    y_ = at::randn({5}).requires_grad_(true);
  }

  /// What `count` blocks in a row (of the same weights) and their backward pass give.
  Tensors results(bool recompute, int count = 3) {
    for (const NamedTensor& named : named_tensors(block_))
      named.tensor->mutable_grad() = at::Tensor();
    y_.mutable_grad() = at::Tensor();
    at::manual_seed(11);
    at::Tensor x = x_;
    at::Tensor loss;
    for (int i = 0; i < count; ++i) {
      const Tensors outputs = recompute ? recomputed(block_, {x, y_}, &run) : run(block_, {x, y_});
      x = outputs[0];
      // The inner output of the second block alone is looked at.
      if (i == 1) loss = outputs[1].pow(2).sum();
    }
    const at::Tensor after = at::randn({3});  // where the generator stands
    (x.pow(2).sum() + loss).backward();
    Tensors all = {x.detach(), loss.detach(), after, at::randn({3}), y_.grad().clone()};
    for (const NamedTensor& named : named_tensors(block_)) all.push_back(named.tensor->grad());
    return all;
  }

  Block block_;
  at::Tensor x_, y_;
};

TEST_F(Recompute, ValuesGradientsAndRandomNumbersAreThePlainOnes) {
  const Tensors plain = results(false), again = results(true);
  ASSERT_EQ(plain.size(), again.size());
  for (size_t i = 0; i < plain.size(); ++i) EXPECT_TRUE(at::equal(plain[i], again[i])) << i;
}

TEST_F(Recompute, AGradientOfTheWeightsAloneIsEnough) {
  y_ = y_.detach();
  const auto gradient = [&](bool recompute) {
    block_.up.weight.mutable_grad() = at::Tensor();
    at::manual_seed(11);
    (recompute ? recomputed(block_, {x_, y_}, &run) : run(block_, {x_, y_}))[0].sum().backward();
    return block_.up.weight.grad().clone();
  };
  EXPECT_TRUE(at::equal(gradient(false), gradient(true)));
}

TEST_F(Recompute, HooksOfTheWeightsAreCalledOnceWithTheWholeGradient) {
  std::vector<at::Tensor> seen;
  block_.up.weight.register_hook([&](const at::Tensor& gradient) { seen.push_back(gradient); });
  results(true);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_TRUE(at::equal(seen[0], block_.up.weight.grad()));
}

TEST_F(Recompute, KeepsNothingFromInside) {
  int runs = 0;
  at::Tensor inner;
  const auto watched = [&](const Block& block, const Tensors& inputs) {
    ++runs;
    inner = apply(block.up, inputs[0]);
    return Tensors{apply(block.down, inner)};
  };
  const at::Tensor output = recomputed(block_, {x_}, watched)[0];
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(inner.use_count(), 1u);
  output.sum().backward();
  EXPECT_EQ(runs, 2);
}

TEST_F(Recompute, WithoutGradientItIsThePlainFunction) {
  set_trainable(named_tensors(block_), false);
  y_ = y_.detach();
  at::manual_seed(11);
  const at::Tensor again = recomputed(block_, {x_, y_}, &run)[0];
  EXPECT_FALSE(again.requires_grad());
  at::manual_seed(11);
  EXPECT_TRUE(at::equal(again, run(block_, {x_, y_})[0]));
}

}  // namespace
}  // namespace blip2
