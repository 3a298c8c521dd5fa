// The generator, and streams by hashing.
#include "blip2/base/random.h"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "blip2/base/error.h"

namespace blip2 {

uint64_t mix_bits(uint64_t value) {
  value += 0x9e3779b97f4a7c15ULL;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

uint64_t hash_text(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  return mix_bits(hash);
}

Random::Random(uint64_t seed, std::string_view purpose, uint64_t a, uint64_t b) {
  uint64_t state = mix_bits(seed) ^ hash_text(purpose);
  state = mix_bits(state ^ mix_bits(a));
  state = mix_bits(state ^ mix_bits(b + 0x632be59bd9b4e019ULL));
  for (uint64_t& word : state_) word = state = mix_bits(state);
}

uint64_t Random::bits() {
  const uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double Random::uniform() { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }

uint64_t Random::below(uint64_t n) {
  BLIP2_CHECK(n > 0);
  const uint64_t limit =
      ~uint64_t{0} - (~uint64_t{0} % n + 1) % n;  // largest multiple of n, less 1
  uint64_t value = bits();
  while (value > limit) value = bits();
  return value % n;
}

double Random::normal() {
  const double radius = std::sqrt(-2.0 * std::log1p(-uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

std::vector<int64_t> Random::permutation(int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[below(i)]);
  return order;
}

}  // namespace blip2
