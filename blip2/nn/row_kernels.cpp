// Compiled once for each kind of processor.
#include "blip2/nn/row_kernels.h"

#include <cstdint>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "blip2/nn/row_kernels.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>  // includes this file again for each target
#include <hwy/highway.h>

#include "blip2/nn/weight_loads-inl.h"

HWY_BEFORE_NAMESPACE();
namespace blip2::internal {
namespace HWY_NAMESPACE {

/// Outputs and rows of a tile: all its sums, a vector for each, stay in registers, of which AVX-512
/// has 32 and most others 16.
constexpr size_t kTileOutputs = 4;
constexpr size_t kTileRows = hn::MaxLanes(Floats()) >= 16 ? 6 : 2;

#if HWY_TARGET != HWY_SCALAR
/// Adds up the blocks of four lanes.
template <typename D>
HWY_INLINE void store_sum_of_blocks(D d, hn::Vec<D> v, float* to) {
  if constexpr (hn::MaxLanes(d) > 4) {
    const hn::Half<D> half;
    store_sum_of_blocks(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)), to);
  } else {
    hn::StoreU(v, d, to);
  }
}
#endif

/// The sum over the lanes of each vector; four at once need hardly more than one.
template <size_t kCount>
HWY_INLINE void store_sums(const Vector (&sums)[kCount], float* to) {
  const Floats d;
#if HWY_TARGET != HWY_SCALAR
  if constexpr (kCount == 4) {
    const hn::RepartitionToWide<Floats> pairs;
    const auto halved = [&](const Vector& a, const Vector& b) {  // a, b, a, b in each block
      return hn::BitCast(pairs,
                         hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b)));
    };
    const auto first = halved(sums[0], sums[1]), second = halved(sums[2], sums[3]);
    store_sum_of_blocks(d,
                        hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, first, second)),
                                hn::BitCast(d, hn::InterleaveUpper(pairs, first, second))),
                        to);
    return;
  }
#endif
  for (size_t i = 0; i < kCount; ++i) to[i] = hn::GetLane(hn::SumOfLanes(d, sums[i]));
}

/// Weight rows of the next tile to fetch meanwhile.
template <typename From>
struct Ahead {
  const typename From::Stored* weight;
  size_t num_outputs;
};

/// The sums of kOutputs weight rows with kRows rows, into products[r * stride + o].
template <typename From, size_t kOutputs, size_t kRows>
HWY_INLINE void multiply_tile(const typename From::Stored* HWY_RESTRICT weight,
                              const Ahead<From>& ahead, const float* HWY_RESTRICT rows,
                              size_t length, float* HWY_RESTRICT products, size_t stride) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  // Rolled up, as GCC leaves such loops at -O2, the sums would live in memory.
  Vector sums[kRows][kOutputs];
#pragma GCC unroll 6
  for (size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (size_t o = 0; o < kOutputs; ++o) sums[r][o] = hn::Zero(d);
  }
  size_t i = 0;
  for (; i + lanes <= length; i += lanes) {
    for (size_t o = 0; o < ahead.num_outputs; ++o) hwy::Prefetch(ahead.weight + o * length + i);
    Vector weights[kOutputs];
#pragma GCC unroll 4
    for (size_t o = 0; o < kOutputs; ++o) {
      weights[o] = From::load(weight + o * length + i);
    }
#pragma GCC unroll 6
    for (size_t r = 0; r < kRows; ++r) {
      const Vector row = hn::LoadU(d, rows + r * length + i);
#pragma GCC unroll 4
      for (size_t o = 0; o < kOutputs; ++o) sums[r][o] = hn::MulAdd(weights[o], row, sums[r][o]);
    }
  }
  if (i < length) {
#pragma GCC unroll 6
    for (size_t r = 0; r < kRows; ++r) {
      HWY_ALIGN float padded[hn::MaxLanes(Floats())] = {};
      std::memcpy(padded, rows + r * length + i, (length - i) * sizeof(float));
      const Vector row = hn::Load(d, padded);
#pragma GCC unroll 4
      for (size_t o = 0; o < kOutputs; ++o) {
        const Vector last = load_tail<From>(weight + o * length + i, length - i);
        sums[r][o] = hn::MulAdd(last, row, sums[r][o]);
      }
    }
  }
#pragma GCC unroll 6
  for (size_t r = 0; r < kRows; ++r) store_sums(sums[r], products + r * stride);
}

/// kOutputs weight rows, from output `first` on, times all rows. Each group of rows prefetches its
/// share of the next tile, so that memory and arithmetic overlap.
template <typename From, size_t kOutputs>
HWY_INLINE void multiply_outputs(const FewRows& x, size_t first) {
  const auto* weight = static_cast<const typename From::Stored*>(x.weight) + first * x.length;
  const bool is_last = first + 2 * kOutputs > x.num_outputs;
  const size_t num_ahead = is_last ? 0 : kOutputs;
  const size_t num_groups = (x.num_rows + kTileRows - 1) / kTileRows;
  const auto tile = [&]<size_t kRows>(size_t group, size_t row) {
    const size_t begin = num_ahead * group / num_groups;
    const size_t end = num_ahead * (group + 1) / num_groups;
    multiply_tile<From, kOutputs, kRows>(
        weight, {weight + (kOutputs + begin) * x.length, end - begin}, x.rows + row * x.length,
        x.length, x.products + row * x.num_outputs + first, x.num_outputs);
  };
  for (size_t group = 0; group < num_groups; ++group) {  // of as equal numbers as there can be
    const size_t row = x.num_rows * group / num_groups;
    switch (x.num_rows * (group + 1) / num_groups - row) {
      case 1:
        tile.template operator()<1>(group, row);
        break;
      case 2:
        tile.template operator()<2>(group, row);
        break;
      case 3:
        tile.template operator()<3>(group, row);
        break;
      case 4:
        tile.template operator()<4>(group, row);
        break;
      case 5:
        tile.template operator()<5>(group, row);
        break;
      default:
        tile.template operator()<6>(group, row);
    }
  }
}

template <typename From>
void multiply_as(const FewRows& x, size_t first, size_t last) {
  size_t output = first;
  for (; output + kTileOutputs <= last; output += kTileOutputs) {
    multiply_outputs<From, kTileOutputs>(x, output);
  }
  for (; output < last; ++output) multiply_outputs<From, 1>(x, output);
}

void multiply(const FewRows& operands, size_t first, size_t last) {
  switch (operands.type) {
    case WeightType::kFloat32:
      return multiply_as<FromFloat32>(operands, first, last);
    case WeightType::kFloat16:
      return multiply_as<FromFloat16>(operands, first, last);
    case WeightType::kBFloat16:
      return multiply_as<FromBFloat16>(operands, first, last);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace blip2::internal
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace blip2::internal {

HWY_EXPORT(multiply);

void multiply(const FewRows& operands, size_t first, size_t last) {
  HWY_DYNAMIC_DISPATCH(multiply)(operands, first, last);
}

}  // namespace blip2::internal
#endif  // HWY_ONCE
