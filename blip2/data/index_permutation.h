// A shuffle of {0, ..., n - 1} that is computed element by element and takes no memory.
#pragma once

#include <cstdint>

namespace blip2 {

/// A pseudo-random bijection: six Feistel rounds over the smallest 4^k >= n, walked until the value
/// is below n (Black and Rogaway 2002, "Ciphers with arbitrary finite domains").
class IndexPermutation {
 public:
  /// n > 0; `key` names the permutation.
  IndexPermutation(int64_t n, uint64_t key);
  /// Where element i of {0, ..., n - 1} goes.
  int64_t operator()(int64_t i) const;

 private:
  uint64_t n_;
  uint64_t key_;
  int half_bits_ = 0;
};

}  // namespace blip2
