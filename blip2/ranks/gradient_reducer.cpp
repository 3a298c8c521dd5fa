// The buckets' layout, a hook for each parameter, and the sums.
#include "blip2/ranks/gradient_reducer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>

#include "blip2/base/error.h"

namespace blip2 {

GradientReducer::GradientReducer(const std::vector<NamedTensor>& parameters,
                                 Communicator& communicator, int64_t bucket_bytes)
    : communicator_(communicator), bucket_bytes_(bucket_bytes) {
  if (communicator.world_size() == 1) return;
  for (const NamedTensor& parameter : parameters) {
    BLIP2_CHECK(parameter.tensor->is_leaf() && parameter.tensor->requires_grad());
    BLIP2_CHECK(parameter.tensor->scalar_type() == parameters[0].tensor->scalar_type());
    parameters_.push_back(*parameter.tensor);
  }
  // The order of the gradients is unknown before the first step. Models are visited from input to
  // output and the backward pass runs the other way, so the reverse order is a good guess.
  std::vector<size_t> order(parameters_.size());
  std::iota(order.rbegin(), order.rend(), size_t{0});
  lay_out(order, bucket_bytes);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    hooks_.push_back(
        parameters_[i].register_hook([this, i](const at::Tensor& gradient) { take(i, gradient); }));
  }
}

GradientReducer::~GradientReducer() {
  for (size_t i = 0; i < hooks_.size(); ++i) parameters_[i].remove_hook(hooks_[i]);
}

void GradientReducer::lay_out(const std::vector<size_t>& order, int64_t bucket_bytes) {
  buckets_.clear();
  places_.assign(parameters_.size(), {});
  std::vector<int64_t> sizes;
  for (const size_t i : order) {
    const int64_t limit = bucket_bytes / static_cast<int64_t>(parameters_[i].element_size());
    if (buckets_.empty() || sizes.back() + parameters_[i].numel() > limit) {
      buckets_.emplace_back();
      sizes.push_back(0);
    }
    buckets_.back().parameters.push_back(i);
    places_[i].bucket = buckets_.size() - 1;
    places_[i].first = sizes.back();
    sizes.back() += parameters_[i].numel();
  }
  for (size_t b = 0; b < buckets_.size(); ++b) {
    Bucket& bucket = buckets_[b];
    int64_t flag = sizes[b];
    for (const size_t i : bucket.parameters) places_[i].flag = flag++;
    bucket.values = at::empty({flag}, parameters_[bucket.parameters[0]].options());
  }
}

void GradientReducer::start() {
  if (parameters_.empty()) return;
  BLIP2_CHECK(!running_);
  running_ = true;
  num_started_ = 0;
  arrival_.clear();
  for (Place& place : places_) place.ready = false;
  for (Bucket& bucket : buckets_) bucket.num_ready = 0;
}

/// The values of a parameter's gradient in its bucket, in the parameter's shape.
at::Tensor GradientReducer::values_of(size_t parameter) const {
  const Place& place = places_[parameter];
  const at::Tensor& like = parameters_[parameter];
  return buckets_[place.bucket].values.narrow(0, place.first, like.numel()).view(like.sizes());
}

/// Stores the sum of the gradient of earlier batches of the step and `gradient`, which is undefined
/// if the last backward pass has not reached the parameter.
void GradientReducer::set(size_t parameter, const at::Tensor& gradient) {
  Place& place = places_[parameter];
  Bucket& bucket = buckets_[place.bucket];
  const at::Tensor values = values_of(parameter);
  const at::Tensor& earlier = parameters_[parameter].grad();
  if (earlier.defined()) {
    values.copy_(earlier);
    if (gradient.defined()) values.add_(gradient);
  } else if (gradient.defined()) {
    values.copy_(gradient);
  } else {
    values.zero_();
  }
  bucket.values[place.flag].fill_(earlier.defined() || gradient.defined() ? 1 : 0);
  place.ready = true;
  ++bucket.num_ready;
}

/// The hook of a parameter, called when its gradient of this backward pass is complete and not yet
/// added to that of earlier batches of the step.
void GradientReducer::take(size_t parameter, const at::Tensor& gradient) {
  if (!running_) return;
  const at::NoGradGuard no_grad;
  BLIP2_CHECK(!places_[parameter].ready);
  set(parameter, gradient);
  arrival_.push_back(parameter);
  start_ready_buckets();
}

/// Starts the sums of complete buckets, in the same order on every rank.
void GradientReducer::start_ready_buckets() {
  while (num_started_ < buckets_.size() &&
         buckets_[num_started_].num_ready == buckets_[num_started_].parameters.size()) {
    Bucket& bucket = buckets_[num_started_++];
    bucket.sum = communicator_.start_sum(bucket.values);
  }
}

void GradientReducer::finish() {
  if (parameters_.empty()) return;
  BLIP2_CHECK(running_);
  const at::NoGradGuard no_grad;
  running_ = false;
  num_started_early_ = static_cast<int64_t>(num_started_);
  for (size_t i = 0; i < places_.size(); ++i) {
    if (!places_[i].ready) set(i, {});
  }
  start_ready_buckets();
  for (Bucket& bucket : buckets_) {
    bucket.sum.get();
    put_back(bucket);
  }
  if (!order_is_known_) learn_order();
}

void GradientReducer::put_back(const Bucket& bucket) {
  const int64_t num_values = places_[bucket.parameters[0]].flag;
  bucket.values.narrow(0, 0, num_values).div_(communicator_.world_size());
  const at::Tensor flags = bucket.values.narrow(0, num_values, std::ssize(bucket.parameters)).cpu();
  for (const size_t i : bucket.parameters) {
    const bool any = flags[places_[i].flag - num_values].item<double>() > 0;
    parameters_[i].mutable_grad() = any ? values_of(i) : at::Tensor();
  }
}

/// After the first step the buckets follow the order in which rank 0's gradients became complete.
void GradientReducer::learn_order() {
  order_is_known_ = true;
  std::vector<size_t> order = arrival_;
  for (size_t i = parameters_.size(); i-- > 0;) {
    if (std::find(order.begin(), order.end(), i) == order.end()) order.push_back(i);
  }
  at::Tensor own = at::zeros({static_cast<int64_t>(order.size())}, at::kLong);
  std::copy(order.begin(), order.end(), own.mutable_data_ptr<int64_t>());
  const at::Tensor all = communicator_.all_gather(own);
  const int64_t* first = all.const_data_ptr<int64_t>();
  order.assign(first, first + order.size());
  lay_out(order, bucket_bytes_);
}

}  // namespace blip2
