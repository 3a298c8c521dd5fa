// Products by the kernel that fits the weight's storage.
#include "blip2/nn/linear.h"

#include <ATen/ops/embedding.h>
#include <ATen/ops/linear.h>

#include <cmath>

#include "blip2/nn/autocast.h"
#include "blip2/nn/few_rows_linear.h"
#include "blip2/nn/half_linear.h"

namespace blip2 {

Linear make_linear(int64_t in, int64_t out, Bias bias) {
  Linear linear;
  linear.weight = empty_parameter({out, in});
  if (bias == Bias::kPresent) linear.bias = empty_parameter({out});
  return linear;
}

void visit(Linear& linear, const Visitor& visitor) {
  visitor("weight", linear.weight);
  visitor("bias", linear.bias);
}

at::Tensor apply(const Linear& linear, const at::Tensor& x) {
  const bool has_few_rows = is_few_rows_linear(x, linear.weight);
  if (is_autocast(x) && !has_few_rows) return at::linear(x, linear.weight, linear.bias);
  const auto with_bias = [&](at::Tensor y) {
    return linear.bias.defined() ? y.add_(linear.bias) : y;
  };
  if (has_few_rows) return with_bias(few_rows_linear(x, linear.weight));
  if (is_half_linear(x, linear.weight)) return with_bias(half_linear(x, linear.weight));
  return at::linear(x, as_dtype(linear.weight, x.scalar_type()),
                    as_dtype(linear.bias, x.scalar_type()));
}

void initialise_normal(Linear& linear, double std, Random& random) {
  fill_normal(linear.weight, std, random);
  if (linear.bias.defined()) fill_uniform(linear.bias, 0.0, random);
}

void initialise_default(Linear& linear, Random& random) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(linear.weight.size(1)));
  fill_uniform(linear.weight, bound, random);
  if (linear.bias.defined()) fill_uniform(linear.bias, bound, random);
}

Embedding make_embedding(int64_t count, int64_t width) {
  return Embedding{empty_parameter({count, width})};
}

void visit(Embedding& embedding, const Visitor& visitor) { visitor("weight", embedding.weight); }

at::Tensor apply(const Embedding& embedding, const at::Tensor& ids) {
  return widened(at::embedding(embedding.weight, ids));
}

}  // namespace blip2
