// Compiled once for each kind of processor.
#include "blip2/nn/half_kernels.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "blip2/nn/half_kernels.cpp"
#include <hwy/foreach_target.h>  // includes this file again for each target
#include <hwy/highway.h>

#include "blip2/nn/weight_loads-inl.h"

HWY_BEFORE_NAMESPACE();
namespace blip2::internal {
namespace HWY_NAMESPACE {

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

void widen(HalfType type, const uint16_t* narrow, float* wide, size_t length) {
  if (type == HalfType::kFloat16) return widen_as<FromFloat16>(narrow, wide, length);
  widen_as<FromBFloat16>(narrow, wide, length);
}

}  // namespace HWY_NAMESPACE
}  // namespace blip2::internal
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace blip2::internal {

HWY_EXPORT(widen);

void widen(HalfType type, const uint16_t* narrow, float* wide, size_t length) {
  HWY_DYNAMIC_DISPATCH(widen)(type, narrow, wide, length);
}

}  // namespace blip2::internal
#endif  // HWY_ONCE
