// Randomness that is passed, never global. A stream is named by the run's seed, a purpose and up to
// two numbers (a step, a rank, a sample's key), so that a sample, a step and a whole run can be
// replayed at any number of workers.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace blip2 {

/// SplitMix64 finaliser: a good 64-bit mix of one word.
uint64_t mix_bits(uint64_t value);

/// A 64-bit hash of text (FNV-1a, then mixed): stable over versions and machines.
uint64_t hash_text(std::string_view text);

/// A stream of random numbers (xoshiro256++ seeded by SplitMix64). Copyable; a copy replays.
class Random {
 public:
  /// The stream `purpose` of `seed`, distinguished by `a` and `b`.
  Random(uint64_t seed, std::string_view purpose, uint64_t a = 0, uint64_t b = 0);

  uint64_t bits();
  /// Uniform in [0, 1).
  double uniform();
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform in {0, ..., n - 1}; n > 0. Unbiased.
  uint64_t below(uint64_t n);
  /// Standard normal (Box-Muller).
  double normal();
  /// A permutation of {0, ..., n - 1} (Fisher-Yates).
  std::vector<int64_t> permutation(int64_t n);

 private:
  uint64_t state_[4];
};

}  // namespace blip2
