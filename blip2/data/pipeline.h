// The stream of training batches: deterministic, resumable, loaded ahead by worker threads. Order
// and content depend only on the configuration, never on the number of workers or on timing.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "blip2/data/batch_plan.h"
#include "blip2/data/mixture.h"
#include "blip2/data/sampler.h"

namespace blip2 {

struct PipelineConfig {
  uint64_t seed = 42;
  int64_t batch_size = 100;  ///< of one rank
  bool shuffle = true;       ///< false: file order in every epoch
  int64_t num_views = 1;     ///< how many views of a picture `Sample::view` is drawn from
  int num_workers = 4;       ///< threads; 0: the caller's thread loads
  int64_t prefetch_batches = 4;
  double max_skipped_fraction = 0.01;  ///< of the different records
  int64_t rank = 0;                    ///< this process's part of each global batch
  int64_t num_ranks = 1;
  std::function<std::string(const std::string&)> clean_caption;   ///< see SamplerConfig
  std::function<std::string(const std::string&)> clean_question;  ///< see SamplerConfig
  bool needs_question = false;                                    ///< see SamplerConfig
};

struct Batch {
  int64_t index = 0;  ///< from the start of the plan, see DataPosition
  int64_t epoch = 0;
  std::vector<Sample> samples;  ///< batch_size of them
  double waited_s = 0;          ///< what next() waited for it
};

/// Told once about each record that could not be used, on the consumer's thread, in the stream's
/// order.
using SkippedCallback = std::function<void(const SkippedRecord&)>;

/// An endless stream: epoch follows epoch, and the last incomplete batch of an epoch is dropped.
/// Which samples a batch has is a BatchPlan's. Its whole state is the number of batches taken:
/// started with `start.batches` = position(), it continues as a straight run would.
class Pipeline {
 public:
  /// Starts the workers. `mixture` must outlive the pipeline.
  /// Throws kInvalidArgument if a batch size is below 1 or an epoch cannot fill one batch.
  Pipeline(const Mixture& mixture, PipelineConfig config, SampleLoader loader,
           SkippedCallback skipped = {}, const DataPosition& start = {});
  /// Stops and joins the workers; each finishes at most the sample in its hands.
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  /// The next batch. Throws what a worker threw, at the batch where it happened, and kCorruptData
  /// when more than max_skipped_fraction of the records cannot be used; the stream then stays
  /// broken. One consumer at a time.
  Batch next();

  /// The number of batches taken, start.batches among them.
  int64_t position() const { return position_; }
  int64_t batches_per_epoch() const { return shape_.batches_per_epoch(); }

 private:
  /// A batch being loaded. Batch k lives in slot k % prefetch_batches.
  struct Slot {
    std::vector<Sample> samples;
    std::exception_ptr error;
    int64_t error_item = 0;  // the first failing item wins, for any order of the workers
    int64_t num_loaded = 0;
  };

  void work();
  void stop_workers();
  void deliver(int64_t batch, int64_t item, Sample sample, std::exception_ptr error);
  Slot take_slot();
  void note_skipped(const Batch& batch);

  PipelineConfig config_;
  EpochShape shape_;
  BatchPlan plan_;
  int64_t num_records_;
  Sampler sampler_;
  SkippedCallback skipped_;
  int64_t position_;
  std::set<RecordAddress> known_skipped_;
  std::exception_ptr broken_;

  std::mutex mutex_;  // of everything below
  std::condition_variable room_;
  std::condition_variable loaded_;
  bool stop_ = false;
  int64_t first_batch_;  // the oldest batch that has not been taken
  int64_t next_batch_;   // the next item to load
  int64_t next_item_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::thread> workers_;
};

}  // namespace blip2
