// Windows divide the epoch evenly; in each, every part has its share of places to within one.
#include "blip2/data/shards/order.h"

#include <algorithm>
#include <numeric>

#include "blip2/base/error.h"
#include "blip2/base/random.h"
#include "blip2/data/index_permutation.h"

namespace blip2 {

namespace {

/// floor(a * b / c) without overflow.
int64_t scaled(int64_t a, int64_t b, int64_t c) {
  return static_cast<int64_t>(static_cast<__int128>(a) * b / c);
}

}  // namespace

SourcePass::SourcePass(const OrderedPart& source, const OrderOptions& options, int64_t part,
                       int64_t pass) {
  if (!options.shuffle) return;
  const auto number = static_cast<int64_t>(source.shard_sizes.size());
  Random random(options.seed, number == 0 ? "mixture" : "shards", static_cast<uint64_t>(part),
                static_cast<uint64_t>(pass));
  if (number == 0) {
    records_ = random.permutation(source.size);
    return;
  }
  std::vector<int64_t> starts(source.shard_sizes.size());
  std::exclusive_scan(source.shard_sizes.begin(), source.shard_sizes.end(), starts.begin(),
                      int64_t{0});
  int64_t place = 0;
  for (const int64_t shard : random.permutation(number)) {
    first_place_.push_back(place);
    first_record_.push_back(starts[static_cast<size_t>(shard)]);
    place += source.shard_sizes[static_cast<size_t>(shard)];
  }
}

int64_t SourcePass::record(int64_t place) const {
  if (!records_.empty()) return records_[static_cast<size_t>(place)];
  if (first_place_.empty()) return place;
  const auto after = std::ranges::upper_bound(first_place_, place);
  const auto shard = static_cast<size_t>(after - first_place_.begin()) - 1;
  return first_record_[shard] + place - first_place_[shard];
}

ShardedOrder::ShardedOrder(const std::vector<OrderedPart>& parts, const OrderOptions& options)
    : options_(options) {
  BLIP2_CHECK(options.window > 0 && options.epoch >= 0);
  for (const OrderedPart& part : parts) {
    const auto number = static_cast<int64_t>(streams_.size());
    Stream& stream = streams_.emplace_back();
    stream.size = part.size;
    stream.places = part.places;
    const int64_t first = options.epoch * part.places;
    const int64_t first_pass = first / part.size;
    stream.first = first % part.size;
    const int64_t last_pass = (first + part.places - 1) / part.size;
    for (int64_t pass = first_pass; pass <= last_pass; ++pass) {
      stream.passes.emplace_back(part, options, number, pass);
    }
    places_ += part.places;
    if (part.places > streams_[largest_].places) largest_ = streams_.size() - 1;
  }
  // A window, at least half as long as asked, must hold more places than rounding moves.
  const auto num_parts = static_cast<int64_t>(parts.size());
  const int64_t window = std::max(options.window, 2 * num_parts * num_parts);
  num_windows_ = (places_ + window - 1) / window;
}

int64_t ShardedOrder::window_start(int64_t window) const {
  return scaled(places_, window, num_windows_);
}

/// How many of a part's places come before the window that starts at `place`.
int64_t ShardedOrder::items_before(size_t part, int64_t place) const {
  if (part != largest_) return scaled(streams_[part].places, place, places_);
  int64_t others = 0;
  for (size_t i = 0; i < streams_.size(); ++i) {
    if (i != part) others += scaled(streams_[i].places, place, places_);
  }
  return place - others;
}

ShardedOrder::Item ShardedOrder::item(size_t part, int64_t number) const {
  const Stream& stream = streams_[part];
  const int64_t place = stream.first + number;
  const SourcePass& pass = stream.passes[static_cast<size_t>(place / stream.size)];
  return {static_cast<int64_t>(part), pass.record(place % stream.size)};
}

ShardedOrder::Item ShardedOrder::at(int64_t place) const {
  BLIP2_CHECK(place >= 0 && place < places_);
  if (!options_.shuffle) {
    size_t part = 0;
    for (; place >= streams_[part].places; ++part) place -= streams_[part].places;
    return item(part, place);
  }
  // The last window whose start is at most `place`: exact, whatever rounding did.
  int64_t window = scaled(place, num_windows_, places_);
  while (window + 1 < num_windows_ && window_start(window + 1) <= place) ++window;
  const int64_t start = window_start(window);
  const int64_t end = window_start(window + 1);
  Random random(options_.seed, "window", static_cast<uint64_t>(options_.epoch),
                static_cast<uint64_t>(window));
  int64_t within = IndexPermutation(end - start, random.bits())(place - start);
  for (size_t part = 0;; ++part) {
    const int64_t first = items_before(part, start);
    const int64_t count = items_before(part, end) - first;
    if (within < count) return item(part, first + within);
    within -= count;
  }
}

}  // namespace blip2
