// Positions and masks that grow with the text.
#include "blip2/nn/causal_cursor.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "blip2/base/error.h"
#include "blip2/nn/masks.h"

namespace blip2 {
namespace {

/// Keys by which the padding mask grows.
constexpr int64_t kPositionsAtOnce = 64;

at::Tensor free_keys(int64_t num_rows, const at::TensorOptions& options) {
  return at::zeros({num_rows, 1, 1, kPositionsAtOnce}, options);
}

}  // namespace

CausalCursor::Tokens CausalCursor::start(const at::Tensor& prompt_embeds,
                                         const at::Tensor& prompt_mask) {
  BLIP2_CHECK(!started() && prompt_embeds.dim() == 3 && prompt_embeds.size(1) > 0);
  const int64_t num_rows = prompt_embeds.size(0);
  length_ = prompt_embeds.size(1);
  const at::TensorOptions integers = prompt_embeds.options().dtype(at::kLong);
  if (prompt_mask.defined()) {
    BLIP2_CHECK(prompt_mask.dim() == 2 && prompt_mask.size(0) == num_rows &&
                prompt_mask.size(1) == length_);
    const at::Tensor real = prompt_mask.to(at::kBool);
    BLIP2_CHECK(real.select(1, length_ - 1).all().item<bool>());
    if (!real.all().item<bool>()) {
      const at::Tensor counted = real.to(at::kLong).cumsum(1);
      next_positions_ = counted.select(1, length_ - 1).clone();
      const at::Tensor hidden = real.logical_not().to(at::kFloat).view({num_rows, 1, 1, length_});
      const at::Tensor additive = hidden * double{std::numeric_limits<float>::lowest()};
      key_mask_ = at::cat({additive, free_keys(num_rows, additive.options())}, 3);
      return {(counted - 1).clamp_min(0), causal_mask(prompt_mask, length_)};
    }
  }
  next_positions_ = at::full({num_rows}, length_, integers);
  at::Tensor mask;
  if (length_ > 1) mask = causal_mask(at::ones({1, length_}, prompt_embeds.options()), length_);
  return {at::arange(length_, integers).expand({num_rows, length_}), mask};
}

CausalCursor::Tokens CausalCursor::advance() {
  BLIP2_CHECK(started());
  ++length_;
  const at::Tensor positions = next_positions_.unsqueeze(1);
  next_positions_ = next_positions_ + 1;
  if (!key_mask_.defined()) return {positions, {}};
  if (length_ > key_mask_.size(3)) {
    key_mask_ = at::cat({key_mask_, free_keys(num_rows(), key_mask_.options())}, 3);
  }
  return {positions, key_mask_.narrow(3, 0, length_)};
}

void CausalCursor::select(const at::Tensor& rows) {
  BLIP2_CHECK(started());
  next_positions_ = at::index_select(next_positions_, 0, rows);
  if (key_mask_.defined()) key_mask_ = at::index_select(key_mask_, 0, rows);
}

}  // namespace blip2
