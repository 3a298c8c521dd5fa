// A partial shuffle of token numbers for each picture, and a gather.
#include "blip2/train/image_tokens.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/gather.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/random.h"

namespace blip2 {

at::Tensor drop_image_tokens(const at::Tensor& image_embeds, double drop, uint64_t seed,
                             int64_t step, int64_t first_row) {
  BLIP2_CHECK(image_embeds.dim() == 3 && drop >= 0 && drop < 1);
  if (drop == 0) return image_embeds;
  const int64_t batch = image_embeds.size(0), tokens = image_embeds.size(1);
  const int64_t kept = std::max<int64_t>(1, std::llround((1 - drop) * static_cast<double>(tokens)));
  at::Tensor index = at::empty({batch, kept}, at::kLong);
  std::vector<int64_t> order(static_cast<size_t>(tokens));
  for (int64_t row = 0; row < batch; ++row) {
    Random random(seed, "image tokens", static_cast<uint64_t>(step),
                  static_cast<uint64_t>(first_row + row));
    std::iota(order.begin(), order.end(), int64_t{0});
    for (int64_t i = 0; i < kept; ++i) {  // draws without replacement
      const uint64_t left = static_cast<uint64_t>(tokens - i);
      std::swap(order[static_cast<size_t>(i)],
                order[static_cast<size_t>(i) + static_cast<size_t>(random.below(left))]);
    }
    std::sort(order.begin(), order.begin() + kept);
    std::copy_n(order.begin(), kept, index.mutable_data_ptr<int64_t>() + row * kept);
  }
  return at::gather(
      image_embeds, 1,
      index.to(image_embeds.device()).unsqueeze(2).expand({-1, -1, image_embeds.size(2)}));
}

}  // namespace blip2
