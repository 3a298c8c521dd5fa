// Goldens: tools/make_train_goldens.py, torch.optim.AdamW and torch.nn.utils.clip_grad_norm_.
#include "blip2/train/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "blip2/checkpoint/safetensors.h"
#include "tests/train/support.h"

namespace blip2 {
namespace {

const std::vector<std::string> kNames = {"layer.weight", "layer.bias", "norm.weight",
                                         "odd.bias",     "temp",       "query_tokens"};

double difference(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return (a.detach() - b).abs().max().item<double>();
}

/// The golden's parameters, with `prefix` in front of each name.
struct Parameters {
  std::map<std::string, at::Tensor> tensors;
  std::vector<NamedTensor> named;

  Parameters(const SafetensorsFile& file, const std::string& prefix) {
    for (const std::string& name : kNames) {
      tensors[name] = file.read(prefix + name).clone().requires_grad_(true);
      named.push_back({name, &tensors[name]});
    }
  }
  void set_gradients(const SafetensorsFile& file, const std::string& prefix) {
    for (const std::string& name : kNames) {
      tensors[name].mutable_grad() = file.read(prefix + name).clone();
    }
  }
};

TEST(Optimizer, DecaysByLavisRule) {
  EXPECT_TRUE(is_decayed("layer.weight", at::zeros({2, 3})));
  EXPECT_TRUE(is_decayed("query_tokens", at::zeros({1, 2, 3})));
  EXPECT_TRUE(is_decayed("temp", at::zeros({})));
  EXPECT_FALSE(is_decayed("norm.weight", at::zeros({3})));
  EXPECT_FALSE(is_decayed("odd.bias", at::zeros({2, 2})));
}

TEST(Optimizer, GivesTorchsFiveSteps) {
  const SafetensorsFile file(testing::golden("adamw.safetensors"));
  Parameters parameters(file, "0.");
  AdamW optimizer(parameters.named, {.beta2 = 0.98, .weight_decay = 0.05});
  const at::Tensor rates = file.read("rate");
  for (int step = 1; step <= 5; ++step) {
    optimizer.zero_grad();
    parameters.set_gradients(file, fmt::format("grad.{}.", step));
    optimizer.step(rates[step - 1].item<double>());
    for (const std::string& name : kNames) {
      EXPECT_LT(difference(parameters.tensors[name], file.read(fmt::format("{}.{}", step, name))),
                1e-6)
          << name << ", step " << step;
    }
  }
  for (const NamedTensor& state : optimizer.state()) {
    if (state.name.starts_with("num_steps.")) {
      EXPECT_EQ(state.tensor->item<double>(), 5) << state.name;
    } else {
      const at::Tensor expected = file.read("final." + state.name);
      EXPECT_LT(difference(*state.tensor, expected), 1e-5 * expected.abs().max().item<double>())
          << state.name;
    }
  }
}

TEST(Optimizer, ContinuesFromItsState) {
  const SafetensorsFile file(testing::golden("adamw.safetensors"));
  Parameters parameters(file, "0.");
  AdamW first(parameters.named, {.beta2 = 0.98, .weight_decay = 0.05});
  const at::Tensor rates = file.read("rate");
  for (int step = 1; step <= 3; ++step) {
    parameters.set_gradients(file, fmt::format("grad.{}.", step));
    first.step(rates[step - 1].item<double>());
  }
  AdamW second(parameters.named, {.beta2 = 0.98, .weight_decay = 0.05});
  std::vector<NamedTensor> from = first.state();
  std::vector<NamedTensor> to = second.state();
  for (size_t i = 0; i < from.size(); ++i) to[i].tensor->copy_(*from[i].tensor);
  for (int step = 4; step <= 5; ++step) {
    parameters.set_gradients(file, fmt::format("grad.{}.", step));
    second.step(rates[step - 1].item<double>());
  }
  for (const std::string& name : kNames) {
    EXPECT_LT(difference(parameters.tensors[name], file.read("5." + name)), 1e-6) << name;
  }
}

TEST(Optimizer, DoesNotChangeParametersWithoutGradient) {
  at::Tensor with = at::zeros({2, 2}).add_(1).requires_grad_(true);
  at::Tensor without = at::zeros({2, 2}).add_(1).requires_grad_(true);
  AdamW optimizer({{"with", &with}, {"without", &without}}, {});
  with.mutable_grad() = at::zeros({2, 2}).add_(1);
  optimizer.step(0.1);
  EXPECT_NE(with.sum().item<double>(), 4);
  EXPECT_EQ(without.sum().item<double>(), 4);
  optimizer.zero_grad();
  EXPECT_FALSE(with.grad().defined());
  EXPECT_EQ(gradient_norm({{"with", &with}}), 0);
}

TEST(Optimizer, ClipsAsTorch) {
  const SafetensorsFile file(testing::golden("clip.safetensors"));
  Parameters parameters(file, "before.");
  parameters.set_gradients(file, "before.");
  const double norm = gradient_norm(parameters.named);
  EXPECT_NEAR(norm, file.read("norm").item<double>(), 1e-6 * norm);
  clip_gradients(parameters.named, norm, 0.5);
  for (const std::string& name : kNames) {
    EXPECT_LT(difference(parameters.tensors[name].grad(), file.read("after." + name)), 1e-6)
        << name;
  }
  clip_gradients(parameters.named, 0.5, 100);  // small enough: left alone
  EXPECT_LT(difference(parameters.tensors["temp"].grad(), file.read("after.temp")), 1e-6);
}

TEST(Optimizer, NormOfAGradientThatIsNotFiniteIsNotFinite) {
  at::Tensor tensor = at::zeros({3}).requires_grad_(true);
  tensor.mutable_grad() = at::zeros({3}).div_(0);
  EXPECT_FALSE(std::isfinite(gradient_norm({{"tensor", &tensor}})));
}

TEST(Optimizer, ScalesTheRatesOfSingleParameters) {
  // A rate scaled is a rate: decoupled decay too is multiplied with it, as torch does by group.
  const SafetensorsFile file(testing::golden("adamw.safetensors"));
  Parameters scaled(file, "0."), slow(file, "0."), fast(file, "0.");
  std::vector<double> scales(kNames.size(), 1);
  scales[0] = scales[1] = 0.5;  // layer.weight, which is decayed, and layer.bias
  AdamW one(scaled.named, {.rate_scales = scales}), half(slow.named, {}), whole(fast.named, {});
  for (int step = 1; step <= 3; ++step) {
    for (Parameters* parameters : {&scaled, &slow, &fast}) {
      parameters->set_gradients(file, fmt::format("grad.{}.", step));
    }
    one.step(0.01);
    half.step(0.005);
    whole.step(0.01);
  }
  for (size_t i = 0; i < kNames.size(); ++i) {
    const Parameters& expected = scales[i] == 1 ? fast : slow;
    EXPECT_TRUE(scaled.tensors[kNames[i]].equal(expected.tensors.at(kNames[i]))) << kNames[i];
    EXPECT_FALSE(fast.tensors[kNames[i]].equal(slow.tensors[kNames[i]])) << kNames[i];
  }
}

}  // namespace
}  // namespace blip2
