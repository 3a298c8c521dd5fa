// A batch -> its epoch and its number there -> places of what the ranks divide -> places of the
// epoch.
#include "blip2/data/batch_plan.h"

#include <algorithm>
#include <utility>

#include "blip2/base/error.h"

namespace blip2 {

namespace {

std::vector<PlaceRange> whole(int64_t places) { return {{0, places}}; }

/// The place that is number `index` of ranges.
int64_t place_at(const std::vector<PlaceRange>& ranges, int64_t index) {
  for (const PlaceRange& range : ranges) {
    if (index < range.end - range.begin) return range.begin + index;
    index -= range.end - range.begin;
  }
  BLIP2_CHECK(false);
  return 0;
}

/// Adds places number [begin, end) of `ranges` to `to`.
void add_part(const std::vector<PlaceRange>& ranges, int64_t begin, int64_t end,
              std::vector<PlaceRange>& to) {
  int64_t first = 0;
  for (const PlaceRange& range : ranges) {
    const int64_t size = range.end - range.begin;
    const int64_t from = std::max(begin - first, int64_t{0}), until = std::min(end - first, size);
    first += size;
    if (from >= until) continue;
    const PlaceRange part{range.begin + from, range.begin + until};
    if (!to.empty() && to.back().end == part.begin) {
      to.back().end = part.end;
    } else {
      to.push_back(part);
    }
  }
}

/// What is left of `ranges` when each rank has taken `batches`.
std::vector<PlaceRange> left_of(const EpochShape& shape, const std::vector<PlaceRange>& ranges,
                                int64_t batches) {
  const int64_t places = count_places(ranges);
  std::vector<PlaceRange> left;
  if (!shape.is_sharded) {
    add_part(ranges, batches * shape.batch_size * shape.num_ranks, places, left);
    return left;
  }
  const int64_t length = places / shape.batch_size / shape.num_ranks * shape.batch_size;
  for (int64_t rank = 0; rank < shape.num_ranks; ++rank) {
    add_part(ranges, rank * length + batches * shape.batch_size, (rank + 1) * length, left);
  }
  add_part(ranges, shape.num_ranks * length, places, left);
  return left;
}

}  // namespace

BatchPlan::BatchPlan(const EpochShape& shape, DataPosition start)
    : shape_(shape), start_(std::move(start)) {
  BLIP2_CHECK(shape_.batch_size > 0 && shape_.num_ranks > 0);
  BLIP2_CHECK(start_.epoch >= 0 && start_.batches >= 0);
  if (start_.ranges.empty()) start_.ranges = whole(shape_.places);
  batches_of_start_ = count_places(start_.ranges) / shape_.batch_size / shape_.num_ranks;
}

BatchPlan::Location BatchPlan::locate(int64_t batch) const {
  if (batch < batches_of_start_) return {start_.epoch, batch};
  const int64_t later = batch - batches_of_start_;
  const int64_t per_epoch = shape_.batches_per_epoch();
  BLIP2_CHECK(per_epoch > 0);
  return {start_.epoch + 1 + later / per_epoch, later % per_epoch};
}

int64_t BatchPlan::batches_before(int64_t epoch) const {
  if (epoch <= start_.epoch) return 0;
  return batches_of_start_ + (epoch - start_.epoch - 1) * shape_.batches_per_epoch();
}

int64_t BatchPlan::stream_position(int64_t batch, int64_t rank, int64_t item) const {
  const Location at = locate(batch);
  const int64_t epoch = at.epoch * shape_.places;
  const int64_t count = at.epoch == start_.epoch ? batches_of_start_ : shape_.batches_per_epoch();
  const int64_t batches_before_it = shape_.is_sharded ? rank * count + at.batch  // a range a rank
                                                      : at.batch * shape_.num_ranks + rank;
  const int64_t index = batches_before_it * shape_.batch_size + item;
  return epoch + (at.epoch == start_.epoch ? place_at(start_.ranges, index) : index);
}

DataPosition BatchPlan::position(int64_t batches) const {
  if (batches <= batches_of_start_) return {start_.epoch, start_.ranges, batches};
  const Location last = locate(batches - 1);
  return {last.epoch, whole(shape_.places), last.batch + 1};
}

std::vector<PlaceRange> BatchPlan::rest(int64_t batches) const {
  const DataPosition at = position(batches);
  return left_of(shape_, at.ranges, at.batches);
}

int64_t count_places(const std::vector<PlaceRange>& ranges) {
  int64_t places = 0;
  for (const PlaceRange& range : ranges) places += range.end - range.begin;
  return places;
}

DataPosition divided_anew(const EpochShape& before, const DataPosition& position, int64_t places) {
  const BatchPlan plan(before, position);
  const int64_t epoch = plan.position(position.batches).epoch;
  std::vector<PlaceRange> left = plan.rest(position.batches);
  for (PlaceRange& range : left) range.end = std::min(range.end, places);
  std::erase_if(left, [](const PlaceRange& range) { return range.begin >= range.end; });
  if (places > before.places) add_part({{before.places, places}}, 0, places, left);
  if (left.empty()) return {epoch + 1, {}, 0};
  return {epoch, std::move(left), 0};
}

}  // namespace blip2
