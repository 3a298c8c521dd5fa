// How a model names its tensors. A model is a plain struct of tensors with one `visit(model,
// visitor)` that names each of them once; loading, saving, freezing, casting, counting, the
// optimizer and the gradient reducer are walks over it.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip2/base/random.h"

namespace blip2 {

/// Receives each tensor of a model under its dotted name.
class Visitor {
 public:
  using Function = std::function<void(const std::string& name, at::Tensor& tensor)>;

  explicit Visitor(Function function, std::string prefix = "")
      : function_(std::move(function)), prefix_(std::move(prefix)) {}

  /// Visits one tensor. A tensor that the model does not have (undefined) is skipped.
  void operator()(std::string_view name, at::Tensor& tensor) const {
    if (tensor.defined()) function_(prefix_ + std::string(name), tensor);
  }
  /// The visitor of a part: its names get `name` and a dot in front.
  Visitor under(std::string_view name) const {
    return Visitor(function_, prefix_ + std::string(name) + ".");
  }
  Visitor under(std::string_view name, size_t index) const {
    return Visitor(function_, prefix_ + std::string(name) + "." + std::to_string(index) + ".");
  }

 private:
  Function function_;
  std::string prefix_;
};

struct NamedTensor {
  std::string name;
  at::Tensor* tensor;
};

/// All tensors of a model in visiting order.
template <typename Model>
std::vector<NamedTensor> named_tensors(Model& model, const std::string& prefix = "") {
  std::vector<NamedTensor> all;
  visit(model, Visitor([&](const std::string& name,
                           at::Tensor& tensor) { all.push_back({name, &tensor}); },
                       prefix));
  return all;
}

/// Sets requires_grad on every floating-point tensor.
void set_trainable(const std::vector<NamedTensor>& tensors, bool trainable);

/// Number of elements, of all tensors or of only the trained ones.
int64_t count_parameters(const std::vector<NamedTensor>& tensors, bool trained_only = false);

/// The tensor itself where it has this dtype, or is undefined, or holds no floating-point numbers;
/// else a converted copy: frozen weights are stored in narrow types, and computed with in wider
/// ones.
at::Tensor as_dtype(const at::Tensor& tensor, at::ScalarType dtype);
/// float16 and bfloat16 as float32, others as they are.
at::Tensor widened(const at::Tensor& tensor);

/// An uninitialised float32 CPU tensor: a shape for the loader to fill. Throws as ParameterBudget
/// says.
at::Tensor empty_parameter(at::IntArrayRef shape);

/// While it lives, what this thread makes by empty_parameter() has at most `elements` elements in
/// all; beyond that, empty_parameter() throws kCorruptData with `message` before it takes memory.
/// A configuration with wrong sizes is refused by the shapes that make_*() gives.
class ParameterBudget {
 public:
  ParameterBudget(double elements, std::string message);
  ~ParameterBudget();
  ParameterBudget(const ParameterBudget&) = delete;
  ParameterBudget& operator=(const ParameterBudget&) = delete;

  /// Takes what a tensor of `shape` needs. Throws where it is not there.
  void spend(at::IntArrayRef shape);

 private:
  double left_;
  const std::string message_;
  ParameterBudget* const outer_;
};

/// Fills with N(0, std) from `random`, element by element, so that a seed gives the same weights
/// anywhere.
void fill_normal(at::Tensor& tensor, double std, Random& random);

/// Fills uniformly in [-bound, bound].
void fill_uniform(at::Tensor& tensor, double bound, Random& random);

}  // namespace blip2
