// Compiled once for each kind of processor.
#include "blip2/nn/narrow_kernels.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "blip2/nn/narrow_kernels.cpp"
#include <hwy/foreach_target.h>  // includes this file again for each target
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace blip2::internal {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;

struct FromBFloat16 {
  static HWY_INLINE Vector load(const uint16_t* HWY_RESTRICT narrow) {
    const Floats d;
    const hn::Rebind<uint16_t, Floats> d16;
    const hn::Rebind<uint32_t, Floats> d32;
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, narrow))));
  }
};

struct FromFloat16 {
  static HWY_INLINE Vector load(const uint16_t* HWY_RESTRICT narrow) {
    const Floats d;
    const hn::Rebind<uint16_t, Floats> d16;
    const hn::Rebind<hwy::float16_t, Floats> half;
    return hn::PromoteTo(d, hn::BitCast(half, hn::LoadU(d16, narrow)));
  }
};

// The last elements, fewer than a vector, as a vector with zeros behind.
template <typename From>
HWY_INLINE Vector load_tail(const uint16_t* HWY_RESTRICT narrow, size_t count) {
  HWY_ALIGN uint16_t padded[hn::MaxLanes(Floats())] = {};
  std::memcpy(padded, narrow, count * sizeof(uint16_t));
  return From::load(padded);
}

template <typename From>
void widen_as(const uint16_t* HWY_RESTRICT narrow, float* HWY_RESTRICT wide, size_t length) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= length; i += lanes) hn::StoreU(From::load(narrow + i), d, wide + i);
  if (i == length) return;
  HWY_ALIGN float last[hn::MaxLanes(Floats())];
  hn::Store(load_tail<From>(narrow + i, length - i), d, last);
  std::memcpy(wide + i, last, (length - i) * sizeof(float));
}

// Two accumulators a row hide the latency of the multiply-adds.
template <typename From, size_t kRows>
HWY_INLINE void dot_as(const uint16_t* HWY_RESTRICT narrow, const float* HWY_RESTRICT rows,
                       size_t length, float* HWY_RESTRICT sums) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  Vector even[kRows], odd[kRows];
  for (size_t r = 0; r < kRows; ++r) even[r] = odd[r] = hn::Zero(d);
  size_t i = 0;
  for (; i + 2 * lanes <= length; i += 2 * lanes) {
    const Vector first = From::load(narrow + i), second = From::load(narrow + i + lanes);
    for (size_t r = 0; r < kRows; ++r) {
      const float* HWY_RESTRICT row = rows + r * length + i;
      even[r] = hn::MulAdd(first, hn::LoadU(d, row), even[r]);
      odd[r] = hn::MulAdd(second, hn::LoadU(d, row + lanes), odd[r]);
    }
  }
  for (; i < length; i += lanes) {
    const size_t count = length - i < lanes ? length - i : lanes;
    const Vector weight = load_tail<From>(narrow + i, count);
    for (size_t r = 0; r < kRows; ++r) {
      HWY_ALIGN float padded[hn::MaxLanes(Floats())] = {};
      std::memcpy(padded, rows + r * length + i, count * sizeof(float));
      even[r] = hn::MulAdd(weight, hn::Load(d, padded), even[r]);
    }
  }
  for (size_t r = 0; r < kRows; ++r) {
    sums[r] = hn::GetLane(hn::SumOfLanes(d, hn::Add(even[r], odd[r])));
  }
}

template <typename From>
void dot_rows_as(const uint16_t* narrow, const float* rows, size_t num_rows, size_t length,
                 float* sums) {
  switch (num_rows) {
    case 1:
      return dot_as<From, 1>(narrow, rows, length, sums);
    case 2:
      return dot_as<From, 2>(narrow, rows, length, sums);
    case 3:
      return dot_as<From, 3>(narrow, rows, length, sums);
    default:
      return dot_as<From, 4>(narrow, rows, length, sums);
  }
}

void widen(NarrowType type, const uint16_t* narrow, float* wide, size_t length) {
  if (type == NarrowType::kFloat16) return widen_as<FromFloat16>(narrow, wide, length);
  widen_as<FromBFloat16>(narrow, wide, length);
}

void dot_rows(NarrowType type, const uint16_t* narrow, const float* rows, size_t num_rows,
              size_t length, float* sums) {
  if (type == NarrowType::kFloat16) {
    return dot_rows_as<FromFloat16>(narrow, rows, num_rows, length, sums);
  }
  dot_rows_as<FromBFloat16>(narrow, rows, num_rows, length, sums);
}

}  // namespace HWY_NAMESPACE
}  // namespace blip2::internal
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace blip2::internal {

HWY_EXPORT(widen);
HWY_EXPORT(dot_rows);

void widen(NarrowType type, const uint16_t* narrow, float* wide, size_t length) {
  HWY_DYNAMIC_DISPATCH(widen)(type, narrow, wide, length);
}

void dot_rows(NarrowType type, const uint16_t* narrow, const float* rows, size_t num_rows,
              size_t length, float* sums) {
  HWY_DYNAMIC_DISPATCH(dot_rows)(type, narrow, rows, num_rows, length, sums);
}

}  // namespace blip2::internal
#endif  // HWY_ONCE
