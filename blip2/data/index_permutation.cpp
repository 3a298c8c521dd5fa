// A Feistel network over indices.
#include "blip2/data/index_permutation.h"

#include "blip2/base/error.h"
#include "blip2/base/random.h"

namespace blip2 {

IndexPermutation::IndexPermutation(int64_t n, uint64_t key)
    : n_(static_cast<uint64_t>(n)), key_(key) {
  BLIP2_CHECK(n > 0);
  while (half_bits_ < 31 && (uint64_t{1} << (2 * half_bits_)) < n_) ++half_bits_;
}

int64_t IndexPermutation::operator()(int64_t i) const {
  constexpr uint64_t kRounds = 6;
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  auto value = static_cast<uint64_t>(i);
  BLIP2_CHECK(value < n_);
  do {
    uint64_t left = value >> half_bits_, right = value & mask;
    for (uint64_t round = 0; round < kRounds; ++round) {
      const uint64_t mixed = left ^ (mix_bits(key_ ^ (round << 56) ^ right) & mask);
      left = right;
      right = mixed;
    }
    value = left << half_bits_ | right;
  } while (value >= n_);
  return static_cast<int64_t>(value);
}

}  // namespace blip2
