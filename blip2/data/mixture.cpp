// Places of an epoch -> records. A source whose ratio is not 1 is an endless stream of its own
// permutations, of which each epoch takes the next piece, so that no record is ever more than one
// pass ahead of another.
#include "blip2/data/mixture.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/random.h"

namespace blip2 {

namespace {

int64_t places_of(const MixturePart& part) {
  const double places = static_cast<double>(part.source->size()) * part.sample_ratio;
  return std::max<int64_t>(1, std::llround(places));
}

/// Records number first ... first + count - 1 of the stream of permutations of {0, ..., size - 1}.
std::vector<int64_t> piece_of_stream(int64_t size, int64_t first, int64_t count,
                                     const auto& permutation_of_pass) {
  std::vector<int64_t> records;
  records.reserve(static_cast<size_t>(count));
  while (count > 0) {
    const std::vector<int64_t> pass = permutation_of_pass(first / size);
    const int64_t begin = first % size;
    const int64_t length = std::min(size - begin, count);
    records.insert(records.end(), pass.begin() + begin, pass.begin() + begin + length);
    first += length;
    count -= length;
  }
  return records;
}

std::vector<int64_t> file_order(int64_t size) {
  std::vector<int64_t> order(static_cast<size_t>(size));
  for (int64_t index = 0; index < size; ++index) order[static_cast<size_t>(index)] = index;
  return order;
}

}  // namespace

Mixture::Mixture(std::vector<MixturePart> parts) : parts_(std::move(parts)) {
  if (parts_.empty())
    fail(ErrorCode::kInvalidArgument, "datasets: expected at least one, found none");
  for (const MixturePart& part : parts_) {
    if (!(part.sample_ratio > 0 && part.sample_ratio < 1e6)) {
      fail(ErrorCode::kInvalidArgument,
           "datasets.{}.sample_ratio: expected a number above 0 (and below a million), found {}",
           part.name, part.sample_ratio);
    }
    if (part.source->size() == 0) {
      fail(ErrorCode::kInvalidArgument, "datasets.{}: expected records, found none", part.name);
    }
    epoch_size_ += places_of(part);
    is_sharded_ = is_sharded_ || !part.source->shard_sizes().empty();
  }
}

int64_t Mixture::num_records() const {
  int64_t total = 0;
  for (const MixturePart& part : parts_) total += part.source->size();
  return total;
}

Record Mixture::record(RecordAddress address) const {
  return parts_[static_cast<size_t>(address.part)].source->record(address.index);
}

EpochOrder Mixture::order(uint64_t seed, bool shuffle, int64_t epoch) const {
  EpochOrder order;
  if (is_sharded_) {
    std::vector<OrderedPart> parts;
    for (const MixturePart& part : parts_) {
      parts.push_back({part.source->size(), places_of(part), part.source->shard_sizes()});
    }
    order.sharded_ = std::make_shared<const ShardedOrder>(
        parts, OrderOptions{.seed = seed, .shuffle = shuffle, .epoch = epoch});
    return order;
  }
  int64_t first_place = 0;
  for (size_t part = 0; part < parts_.size(); ++part) {
    const int64_t size = parts_[part].source->size();
    const int64_t places = places_of(parts_[part]);
    EpochOrder::Span span{.first_place = first_place, .records = {}};
    if (places != size) {
      span.records = piece_of_stream(size, epoch * places, places, [&](int64_t pass) {
        if (!shuffle) return file_order(size);
        return Random(seed, "mixture", part, static_cast<uint64_t>(pass)).permutation(size);
      });
    }
    order.spans_.push_back(std::move(span));
    first_place += places;
  }
  if (shuffle) {
    order.permutation_ =
        Random(seed, "shuffle", static_cast<uint64_t>(epoch)).permutation(epoch_size_);
  }
  return order;
}

RecordAddress EpochOrder::at(int64_t place) const {
  if (sharded_) {
    const ShardedOrder::Item item = sharded_->at(place);
    return {.part = item.part, .index = item.record};
  }
  if (!permutation_.empty()) place = permutation_[static_cast<size_t>(place)];
  const auto after = std::ranges::upper_bound(spans_, place, {}, &Span::first_place);
  const Span& span = *(after - 1);
  const int64_t offset = place - span.first_place;
  return {.part = after - 1 - spans_.begin(),
          .index = span.records.empty() ? offset : span.records[static_cast<size_t>(offset)]};
}

}  // namespace blip2
