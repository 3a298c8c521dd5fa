// The sample at a position of the training stream, as a pure function of the seed and the position.
// No threads are started here; the pipeline calls it from many.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "blip2/base/random.h"
#include "blip2/data/mixture.h"

namespace blip2 {

/// A record that could not be used, and why.
struct SkippedRecord {
  RecordAddress address;
  std::string source;
  std::string listed_in;  ///< see Record; empty where the record could not be read so far
  std::string key;
  std::string reason;
};

struct Sample {
  std::string key;
  std::string listed_in;  ///< see Record
  std::string picture;    ///< equal for samples of one picture, over all data sets
  std::filesystem::path image;
  std::optional<FileRange> stored;  ///< see Record
  std::string caption;              ///< drawn where the record has several, and cleaned
  std::string question;             ///< cleaned; then the caption is its answer, as in the file
  RecordAddress address;
  int64_t position = 0;                ///< in the stream of all ranks
  int64_t epoch = 0;                   ///< from 0
  int64_t view = 0;                    ///< drawn from {0, ..., num_views - 1}
  Random augmentation{0, "augment"};   ///< the stream of (seed, record, epoch)
  std::vector<float> pixels;           ///< what the loader puts here
  std::vector<SkippedRecord> skipped;  ///< records that would have come at this position
};

/// What is done to a sample before it is delivered: decode and transform into `pixels`, or nothing
/// when features are cached. Called by several threads at once. An Error (but kInterrupted,
/// kInternal and kInvalidArgument) makes the record one that cannot be used; any other exception
/// ends the stream.
using SampleLoader = std::function<void(Sample&)>;

struct SamplerConfig {
  uint64_t seed = 42;
  bool shuffle = true;
  int64_t num_views = 1;
  int64_t samples_per_epoch = 0;  ///< at most the mixture's epoch_size()
  std::function<std::string(const std::string&)> clean_caption;   ///< none: the caption as it is
  std::function<std::string(const std::string&)> clean_question;  ///< the same of a question
  bool needs_question = false;  ///< a record without one cannot be used
};

/// Thread-safe. A record that cannot be used is replaced by the next usable one of the epoch's
/// order.
class Sampler {
 public:
  /// `mixture` must outlive the sampler.
  Sampler(const Mixture& mixture, SamplerConfig config, SampleLoader loader);

  /// The sample at `position` >= 0. Throws kCorruptData after 1000 unusable records in a row (or
  /// all).
  Sample sample(int64_t position) const;

 private:
  std::shared_ptr<const EpochOrder> order_of(int64_t epoch) const;
  bool try_record(RecordAddress address, Sample& sample) const;

  const Mixture& mixture_;
  SamplerConfig config_;
  SampleLoader loader_;
  mutable std::mutex mutex_;  // of recent_orders_
  mutable std::vector<std::pair<int64_t, std::shared_ptr<const EpochOrder>>> recent_orders_;
};

}  // namespace blip2
