// A value is not finite where all bits of its exponent are set.
#include "blip2/checkpoint/finite.h"

#include <ATen/Parallel.h>
#include <ATen/ops/aminmax.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/isinf.h>
#include <ATen/ops/isnan.h>

#include <algorithm>
#include <atomic>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"

namespace blip2 {
namespace {

constexpr int64_t kGrain = int64_t{1} << 16;
constexpr size_t kMostNames = 5;

template <typename Bits>
bool has_full_exponent(const Bits* values, int64_t count, Bits exponent) {
  std::atomic<bool> found = false;
  at::parallel_for(0, count, kGrain, [&](int64_t begin, int64_t end) {
    if (found.load(std::memory_order_relaxed)) return;
    Bits any = 0;
    for (int64_t i = begin; i < end; ++i) {
      any |= static_cast<Bits>((values[i] & exponent) == exponent);
    }
    if (any != 0) found = true;
  });
  return found;
}

/// NaN spreads to both ends, infinities are ends.
bool has_finite_ends(const at::Tensor& tensor) {
  const bool is_tiny_float = c10::elementSize(tensor.scalar_type()) == 1;
  const auto [low, high] = at::aminmax(is_tiny_float ? tensor.to(at::kFloat) : tensor);
  return at::isfinite(low).item<bool>() && at::isfinite(high).item<bool>();
}

}  // namespace

bool is_finite(const at::Tensor& tensor) {
  if (!at::isFloatingType(tensor.scalar_type()) || tensor.numel() == 0) return true;
  if (!tensor.device().is_cpu()) return has_finite_ends(tensor);
  const at::Tensor values = tensor.contiguous();
  const void* data = values.const_data_ptr();
  switch (values.scalar_type()) {
    case at::kFloat:
      return !has_full_exponent(static_cast<const uint32_t*>(data), values.numel(),
                                uint32_t{0x7F800000});
    case at::kHalf:
      return !has_full_exponent(static_cast<const uint16_t*>(data), values.numel(),
                                uint16_t{0x7C00});
    case at::kBFloat16:
      return !has_full_exponent(static_cast<const uint16_t*>(data), values.numel(),
                                uint16_t{0x7F80});
    default:
      return has_finite_ends(values);
  }
}

NotFinite count_not_finite(const std::string& name, const at::Tensor& tensor) {
  const at::Tensor values =
      c10::elementSize(tensor.scalar_type()) == 1 ? tensor.to(at::kFloat) : tensor;
  return {name, at::isnan(values).sum().item<int64_t>(), at::isinf(values).sum().item<int64_t>()};
}

std::string counts_text(const NotFinite& tensor) {
  std::string text;
  if (tensor.num_nan > 0) text = fmt::format("{} NaN", tensor.num_nan);
  if (tensor.num_infinite > 0) {
    text += fmt::format("{}{} infinite", text.empty() ? "" : ", ", tensor.num_infinite);
  }
  return text;
}

std::vector<NotFinite> not_finite_tensors(const TensorSource& source) {
  std::vector<NotFinite> tensors;
  for (const TensorInfo& info : source.infos()) {
    if (!at::isFloatingType(info.dtype)) continue;
    const at::Tensor tensor = source.read(info.name);
    if (!is_finite(tensor)) tensors.push_back(count_not_finite(info.name, tensor));
  }
  return tensors;
}

void require_finite(const TensorSource& source) {
  const std::vector<NotFinite> tensors = not_finite_tensors(source);
  if (tensors.empty()) return;
  std::string names;
  for (size_t i = 0; i < std::min(tensors.size(), kMostNames); ++i) {
    names += fmt::format("{}{} ({})", i == 0 ? "" : ", ", quote(tensors[i].name),
                         counts_text(tensors[i]));
  }
  if (tensors.size() > kMostNames) {
    names += fmt::format(" and {} more", tensors.size() - kMostNames);
  }
  fail(ErrorCode::kCorruptData, "{}: expected numbers, found values that are not finite in {}",
       source.describe(), names);
}

}  // namespace blip2
