// The inner loops of resampling, compiled once for each kind of processor.
#include "blip2/image/resample_kernels.h"

#include <cstddef>
#include <cstdint>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "blip2/image/resample_kernels.cpp"
#include <hwy/foreach_target.h>  // includes this file again for each target
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace blip2::internal {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Sums = hn::CappedTag<int32_t, 16>;
using Bytes = hn::Rebind<uint8_t, Sums>;

/// Four vectors of sums stay in registers while all rows pass.
void add_weighted_rows(const WeightedRows& rows, int32_t* HWY_RESTRICT sums, size_t length) {
  const Sums d;
  const Bytes bytes;
  const size_t lanes = hn::Lanes(d);
  for (size_t i = 0; i < length; i += 4 * lanes) {
    auto sum0 = hn::LoadU(d, sums + i);
    auto sum1 = hn::LoadU(d, sums + i + lanes);
    auto sum2 = hn::LoadU(d, sums + i + 2 * lanes);
    auto sum3 = hn::LoadU(d, sums + i + 3 * lanes);
    const uint8_t* HWY_RESTRICT row = rows.first + i;
    for (size_t r = 0; r < rows.count; ++r, row += rows.stride) {
      const auto weight = hn::Set(d, rows.weights[r]);
      const auto load = [&](size_t offset)
                            HWY_ATTR { return hn::PromoteTo(d, hn::LoadU(bytes, row + offset)); };
      sum0 = hn::Add(sum0, hn::Mul(load(0), weight));
      sum1 = hn::Add(sum1, hn::Mul(load(lanes), weight));
      sum2 = hn::Add(sum2, hn::Mul(load(2 * lanes), weight));
      sum3 = hn::Add(sum3, hn::Mul(load(3 * lanes), weight));
    }
    hn::StoreU(sum0, d, sums + i);
    hn::StoreU(sum1, d, sums + i + lanes);
    hn::StoreU(sum2, d, sums + i + 2 * lanes);
    hn::StoreU(sum3, d, sums + i + 3 * lanes);
  }
}

void weights_to_bytes(const int32_t* HWY_RESTRICT sums, uint8_t* HWY_RESTRICT bytes,
                      size_t length) {
  const Sums d;
  const Bytes narrow;
  for (size_t i = 0; i < length; i += hn::Lanes(d)) {
    const auto rounded = hn::ShiftRight<kWeightBits>(hn::LoadU(d, sums + i));
    hn::StoreU(hn::DemoteTo(narrow, rounded), narrow, bytes + i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace blip2::internal
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace blip2::internal {

HWY_EXPORT(add_weighted_rows);
HWY_EXPORT(weights_to_bytes);

void add_weighted_rows(const WeightedRows& rows, int32_t* sums, size_t length) {
  HWY_DYNAMIC_DISPATCH(add_weighted_rows)(rows, sums, length);
}

void weights_to_bytes(const int32_t* sums, uint8_t* bytes, size_t length) {
  HWY_DYNAMIC_DISPATCH(weights_to_bytes)(sums, bytes, length);
}

}  // namespace blip2::internal
#endif  // HWY_ONCE
