// Workers take items of the stream in order and put the results where they belong in a ring of
// batches.
#include "blip2/data/pipeline.h"

#include <utility>

#include "blip2/base/error.h"

namespace blip2 {

namespace {

EpochShape checked_shape(const Mixture& mixture, const PipelineConfig& config) {
  if (config.batch_size < 1 || config.num_views < 1 || config.num_workers < 0) {
    fail(ErrorCode::kInvalidArgument,
         "data: expected batch size and views of at least 1 and workers of at least 0, found {}, "
         "{} and {}",
         config.batch_size, config.num_views, config.num_workers);
  }
  BLIP2_CHECK(config.num_ranks > 0 && config.rank >= 0 && config.rank < config.num_ranks);
  const EpochShape shape{.places = mixture.epoch_size(),
                         .is_sharded = mixture.is_sharded(),
                         .batch_size = config.batch_size,
                         .num_ranks = config.num_ranks};
  if (shape.batches_per_epoch() == 0) {
    fail(ErrorCode::kInvalidArgument,
         "data: expected at least one batch of {} x {} ranks in an epoch, found {} records",
         config.batch_size, config.num_ranks, mixture.epoch_size());
  }
  return shape;
}

}  // namespace

Pipeline::Pipeline(const Mixture& mixture, PipelineConfig config, SampleLoader loader,
                   SkippedCallback skipped, const DataPosition& start)
    : config_(std::move(config)),
      shape_(checked_shape(mixture, config_)),
      plan_(shape_, start),
      num_records_(mixture.num_records()),
      sampler_(mixture,
               {.seed = config_.seed,
                .shuffle = config_.shuffle,
                .num_views = config_.num_views,
                .samples_per_epoch = mixture.epoch_size(),
                .clean_caption = config_.clean_caption,
                .clean_question = config_.clean_question,
                .needs_question = config_.needs_question},
               std::move(loader)),
      skipped_(std::move(skipped)),
      position_(start.batches),
      first_batch_(start.batches),
      next_batch_(start.batches) {
  BLIP2_CHECK(config_.prefetch_batches > 0);
  slots_.resize(static_cast<size_t>(config_.prefetch_batches));
  for (Slot& slot : slots_) slot.samples.resize(static_cast<size_t>(config_.batch_size));
  try {
    for (int i = 0; i < config_.num_workers; ++i) workers_.emplace_back([this] { work(); });
  } catch (...) {  // the system has no thread left: those that run must not outlive this object
    stop_workers();
    throw;
  }
}

Pipeline::~Pipeline() { stop_workers(); }

void Pipeline::stop_workers() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  room_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Pipeline::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    room_.wait(lock,
               [this] { return stop_ || next_batch_ < first_batch_ + config_.prefetch_batches; });
    if (stop_) return;
    const int64_t batch = next_batch_;
    const int64_t item = next_item_;
    if (++next_item_ == config_.batch_size) {
      next_item_ = 0;
      ++next_batch_;
    }
    lock.unlock();
    Sample sample;
    std::exception_ptr error;
    try {
      sample = sampler_.sample(plan_.stream_position(batch, config_.rank, item));
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    deliver(batch, item, std::move(sample), error);
  }
}

/// Called with the mutex held.
void Pipeline::deliver(int64_t batch, int64_t item, Sample sample, std::exception_ptr error) {
  Slot& slot = slots_[static_cast<size_t>(batch % config_.prefetch_batches)];
  slot.samples[static_cast<size_t>(item)] = std::move(sample);
  if (error && (!slot.error || item < slot.error_item)) {
    slot.error = error;
    slot.error_item = item;
  }
  if (++slot.num_loaded == config_.batch_size && batch == first_batch_) loaded_.notify_one();
}

/// Waits until the oldest batch is whole, takes it, and makes room for another.
Pipeline::Slot Pipeline::take_slot() {
  Slot fresh;
  fresh.samples.resize(static_cast<size_t>(config_.batch_size));
  std::unique_lock lock(mutex_);
  Slot& slot = slots_[static_cast<size_t>(first_batch_ % config_.prefetch_batches)];
  loaded_.wait(lock, [&] { return slot.num_loaded == config_.batch_size; });
  std::swap(slot, fresh);
  ++first_batch_;
  lock.unlock();
  room_.notify_all();
  return fresh;
}

Batch Pipeline::next() {
  if (broken_) std::rethrow_exception(broken_);
  try {
    Batch batch{.index = position_, .epoch = plan_.epoch_of(position_), .samples = {}};
    if (config_.num_workers == 0) {
      for (int64_t item = 0; item < config_.batch_size; ++item) {
        batch.samples.push_back(
            sampler_.sample(plan_.stream_position(position_, config_.rank, item)));
      }
    } else {
      Slot slot = take_slot();
      if (slot.error) std::rethrow_exception(slot.error);
      batch.samples = std::move(slot.samples);
    }
    note_skipped(batch);
    ++position_;
    return batch;
  } catch (...) {
    broken_ = std::current_exception();
    throw;
  }
}

void Pipeline::note_skipped(const Batch& batch) {
  for (const Sample& sample : batch.samples) {
    for (const SkippedRecord& record : sample.skipped) {
      if (!known_skipped_.insert(record.address).second) continue;
      if (skipped_) skipped_(record);
      const auto count = static_cast<double>(known_skipped_.size());
      if (count > config_.max_skipped_fraction * static_cast<double>(num_records_)) {
        fail(ErrorCode::kCorruptData,
             "datasets: {} of {} records cannot be used, more than max_skipped_fraction {}; the "
             "last: "
             "{}: {}: {}",
             known_skipped_.size(), num_records_, config_.max_skipped_fraction, record.source,
             record.key, record.reason);
      }
    }
  }
}

}  // namespace blip2
