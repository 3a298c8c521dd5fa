// Walks over named tensors, and tensors that are made before they are filled.
#include "blip2/nn/module.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <utility>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

template <typename Draw>
void fill(at::Tensor& tensor, Draw draw) {
  const at::NoGradGuard no_grad;
  at::Tensor values = at::empty(tensor.sizes(), at::kFloat);
  float* data = values.mutable_data_ptr<float>();
  for (int64_t i = 0; i < values.numel(); ++i) data[i] = static_cast<float>(draw());
  tensor.copy_(values);
}

thread_local ParameterBudget* budget = nullptr;  // of the innermost scope

}  // namespace

void set_trainable(const std::vector<NamedTensor>& tensors, bool trainable) {
  for (const NamedTensor& named : tensors) {
    if (named.tensor->is_floating_point()) named.tensor->set_requires_grad(trainable);
  }
}

int64_t count_parameters(const std::vector<NamedTensor>& tensors, bool trained_only) {
  int64_t count = 0;
  for (const NamedTensor& named : tensors) {
    if (!trained_only || named.tensor->requires_grad()) count += named.tensor->numel();
  }
  return count;
}

at::Tensor as_dtype(const at::Tensor& tensor, at::ScalarType dtype) {
  if (!tensor.defined() || tensor.scalar_type() == dtype || !tensor.is_floating_point()) {
    return tensor;
  }
  return tensor.to(dtype);
}

at::Tensor widened(const at::Tensor& tensor) {
  const at::ScalarType dtype = tensor.scalar_type();
  return dtype == at::kHalf || dtype == at::kBFloat16 ? tensor.to(at::kFloat) : tensor;
}

at::Tensor empty_parameter(at::IntArrayRef shape) {
  if (budget != nullptr) budget->spend(shape);
  return at::empty(shape, at::kFloat);
}

ParameterBudget::ParameterBudget(double elements, std::string message)
    : left_(elements), message_(std::move(message)), outer_(budget) {
  budget = this;
}

ParameterBudget::~ParameterBudget() { budget = outer_; }

void ParameterBudget::spend(at::IntArrayRef shape) {
  double elements = 1;  // the product of wrong sizes may overflow an integer
  for (const int64_t size : shape) elements *= static_cast<double>(size);
  left_ -= elements;
  if (left_ < 0) fail(ErrorCode::kCorruptData, "{}", message_);
}

void fill_normal(at::Tensor& tensor, double std, Random& random) {
  fill(tensor, [&] { return std * random.normal(); });
}

void fill_uniform(at::Tensor& tensor, double bound, Random& random) {
  fill(tensor, [&] { return random.uniform(-bound, bound); });
}

}  // namespace blip2
