// Vectors of float32 out of weights in 32 or 16 bits, for kernels: included once for each kind of
// processor, inside highway's loop over targets.
#if defined(BLIP2_NN_WEIGHT_LOADS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef BLIP2_NN_WEIGHT_LOADS_INL_H
#undef BLIP2_NN_WEIGHT_LOADS_INL_H
#else
#define BLIP2_NN_WEIGHT_LOADS_INL_H
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace blip2::internal {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;

struct FromFloat32 {
  using Stored = float;
  static HWY_INLINE Vector load(const float* HWY_RESTRICT stored) {
    return hn::LoadU(Floats(), stored);
  }
};

struct FromBFloat16 {
  using Stored = uint16_t;
  static HWY_INLINE Vector load(const uint16_t* HWY_RESTRICT stored) {
    const Floats d;
    const hn::Rebind<uint16_t, Floats> d16;
    const hn::Rebind<uint32_t, Floats> d32;
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, stored))));
  }
};

struct FromFloat16 {
  using Stored = uint16_t;
  static HWY_INLINE Vector load(const uint16_t* HWY_RESTRICT stored) {
    const Floats d;
    const hn::Rebind<uint16_t, Floats> d16;
    const hn::Rebind<hwy::float16_t, Floats> half;
    return hn::PromoteTo(d, hn::BitCast(half, hn::LoadU(d16, stored)));
  }
};

/// The last elements, fewer than a vector, as a vector padded with zeros.
template <typename From>
HWY_INLINE Vector load_tail(const typename From::Stored* HWY_RESTRICT stored, size_t count) {
  HWY_ALIGN typename From::Stored padded[hn::MaxLanes(Floats())] = {};
  std::memcpy(padded, stored, count * sizeof(typename From::Stored));
  return From::load(padded);
}

}  // namespace HWY_NAMESPACE
}  // namespace blip2::internal
HWY_AFTER_NAMESPACE();

#endif  // once for each target
