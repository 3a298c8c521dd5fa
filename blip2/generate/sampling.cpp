// Draws by cumulative sums and by Gumbel noise.
#include "blip2/generate/sampling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "blip2/base/error.h"

namespace blip2 {

int64_t draw(std::span<const float> scores, Random& random) {
  BLIP2_CHECK(!scores.empty());
  const float best = *std::max_element(scores.begin(), scores.end());
  if (!std::isfinite(best)) return 0;
  std::vector<std::pair<double, size_t>> weights;  // of the few that top-k and top-p leave
  double total = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] == -std::numeric_limits<float>::infinity()) continue;
    const double weight = std::exp(static_cast<double>(scores[i]) - best);
    if (weight > 0) weights.emplace_back(weight, i);
    total += weight;
  }
  const double target = random.uniform() * total;
  double cumulative = 0;
  for (const auto& [weight, i] : weights) {
    cumulative += weight;
    if (target < cumulative) return static_cast<int64_t>(i);
  }
  return static_cast<int64_t>(weights.back().second);  // rounding left the target above the sum
}

std::vector<int64_t> draw_without_replacement(std::span<const float> scores, int64_t count,
                                              Random& random) {
  BLIP2_CHECK(count >= 0 && count <= static_cast<int64_t>(scores.size()));
  // The largest keys of score + Gumbel noise are distributed as draws one after another (Gumbel
  // top-k).
  std::vector<std::pair<double, int64_t>> keys;
  keys.reserve(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    double key = -std::numeric_limits<double>::infinity();
    if (std::isfinite(scores[i])) {
      const double uniform = random.uniform() + 0x1.0p-54;  // never 0
      key = scores[i] - std::log(-std::log(uniform));
    }
    keys.emplace_back(key, static_cast<int64_t>(i));
  }
  std::partial_sort(keys.begin(), keys.begin() + count, keys.end(),
                    [](const auto& a, const auto& b) {
                      return a.first != b.first ? a.first > b.first : a.second < b.second;
                    });
  std::vector<int64_t> drawn;
  for (int64_t i = 0; i < count; ++i) drawn.push_back(keys[static_cast<size_t>(i)].second);
  return drawn;
}

}  // namespace blip2
