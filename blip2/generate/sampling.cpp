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
  const auto weight = [&](float score) { return std::exp(static_cast<double>(score) - best); };
  double total = 0;
  for (const float score : scores) total += weight(score);
  const double target = random.uniform() * total;
  double cumulative = 0;
  int64_t last = 0;  // of those with a weight: rounding may leave the target just above the sum
  for (size_t i = 0; i < scores.size(); ++i) {
    const double share = weight(scores[i]);
    if (share <= 0) continue;
    last = static_cast<int64_t>(i);
    cumulative += share;
    if (target < cumulative) break;
  }
  return last;
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
