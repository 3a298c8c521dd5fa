// One checksum a rank, gathered by all.
#include "blip2/ranks/divergence.h"

#include <ATen/ops/full.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <span>

#include "blip2/base/error.h"
#include "blip2/base/files.h"

namespace blip2 {
namespace {

uint64_t digest(const std::vector<NamedTensor>& tensors, int64_t step, Compared compared) {
  std::string all;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const bool is_in_share = static_cast<int64_t>(i) % kNumShares == step % kNumShares;
    if (compared == Compared::kShare && !is_in_share) continue;
    const at::Tensor values = tensors[i].tensor->detach().cpu().contiguous();
    all += checksum(
        std::span(static_cast<const std::byte*>(values.const_data_ptr()), values.nbytes()));
  }
  return hash_text(all);
}

}  // namespace

void check_same_on_all_ranks(const std::vector<NamedTensor>& tensors, int64_t step,
                             Compared compared, Communicator& communicator, int64_t state) {
  if (communicator.world_size() == 1) return;
  const uint64_t own =
      mix_bits(digest(tensors, step, compared) ^ mix_bits(static_cast<uint64_t>(state)));
  const at::Tensor all =
      communicator.all_gather(at::full({1}, std::bit_cast<int64_t>(own), at::kLong));  // [W]
  const std::span values(all.const_data_ptr<int64_t>(), static_cast<size_t>(all.numel()));
  const auto times = [&](int64_t value) { return std::count(values.begin(), values.end(), value); };
  const int64_t expected = *std::max_element(
      values.begin(), values.end(), [&](int64_t a, int64_t b) { return times(a) < times(b); });
  std::vector<size_t> others;
  for (size_t rank = 0; rank < values.size(); ++rank) {
    if (values[rank] != expected) others.push_back(rank);
  }
  if (others.empty()) return;
  fail(ErrorCode::kCorruptData,
       "rank {} has diverged: after step {} its weights differ from those of the other ranks; the "
       "same command resumes the run from its last snapshot",
       fmt::join(others, ", rank "), step);
}

}  // namespace blip2
