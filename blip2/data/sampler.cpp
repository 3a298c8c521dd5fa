// Position -> epoch and place -> record -> sample.
#include "blip2/data/sampler.h"

#include <algorithm>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/data/record_identity.h"

namespace blip2 {

namespace {

constexpr int64_t kMostSkipsInARow = 1000;

/// Whether an error says that one record is bad, and not that the program or its settings are.
bool concerns_the_record(ErrorCode code) {
  return code == ErrorCode::kNotFound || code == ErrorCode::kCorruptData ||
         code == ErrorCode::kUnsupported || code == ErrorCode::kUnavailable;
}

bool is_blank(const std::string& text) {
  return text.find_first_not_of(" \t\r\n") == std::string::npos;
}

}  // namespace

Sampler::Sampler(const Mixture& mixture, SamplerConfig config, SampleLoader loader)
    : mixture_(mixture), config_(std::move(config)), loader_(std::move(loader)) {
  BLIP2_CHECK(config_.samples_per_epoch > 0 && config_.num_views > 0);
  BLIP2_CHECK(config_.samples_per_epoch <= mixture_.epoch_size());
}

std::shared_ptr<const EpochOrder> Sampler::order_of(int64_t epoch) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [known_epoch, order] : recent_orders_) {
    if (known_epoch == epoch) return order;
  }
  // Loading ahead straddles the end of an epoch, hence two.
  if (recent_orders_.size() == 2) recent_orders_.erase(recent_orders_.begin());
  auto order =
      std::make_shared<const EpochOrder>(mixture_.order(config_.seed, config_.shuffle, epoch));
  recent_orders_.emplace_back(epoch, order);
  return order;
}

Sample Sampler::sample(int64_t position) const {
  BLIP2_CHECK(position >= 0);
  const int64_t epoch = position / config_.samples_per_epoch;
  const int64_t place = position % config_.samples_per_epoch;
  const auto order = order_of(epoch);
  const int64_t places = mixture_.epoch_size();
  std::vector<SkippedRecord> skipped;
  for (int64_t attempt = 0; attempt < std::min(places, kMostSkipsInARow); ++attempt) {
    Sample sample;
    sample.position = position;
    sample.epoch = epoch;
    if (try_record(order->at((place + attempt) % places), sample)) {
      sample.skipped = std::move(skipped);
      return sample;
    }
    skipped.push_back(std::move(sample.skipped.front()));
  }
  fail(ErrorCode::kCorruptData,
       "datasets: none of {} records in a row could be used; the last: {}: {}: {}", skipped.size(),
       skipped.back().source, skipped.back().key, skipped.back().reason);
}

/// Fills the sample from a record; on failure leaves in sample.skipped why it cannot be used.
bool Sampler::try_record(RecordAddress address, Sample& sample) const {
  sample.address = address;
  sample.key = fmt::format("record {}", address.index);  // until the record tells its own
  try {
    Record record = mixture_.record(address);
    const std::string& source = mixture_.name(address.part);
    const std::string identity = within_data_set(source, record_identity(record));
    sample.picture = within_data_set(source, picture_identity(record));
    sample.key = std::move(record.key);
    sample.listed_in = record.listed_in.string();
    sample.image = std::move(record.image);
    sample.stored = std::move(record.stored);
    if (config_.needs_question && record.question.empty()) {
      fail(ErrorCode::kCorruptData, "no question");
    }
    sample.question = std::move(record.question);
    if (config_.clean_question && !sample.question.empty()) {
      sample.question = config_.clean_question(sample.question);
    }
    if (config_.clean_caption && sample.question.empty()) {
      for (std::string& caption : record.captions) caption = config_.clean_caption(caption);
    }
    std::erase_if(record.captions, is_blank);
    if (record.captions.empty()) fail(ErrorCode::kCorruptData, "empty caption");

    Random draws(config_.seed, "sample", static_cast<uint64_t>(sample.position));
    sample.caption = std::move(record.captions[draws.below(record.captions.size())]);
    sample.view = static_cast<int64_t>(draws.below(static_cast<uint64_t>(config_.num_views)));
    sample.augmentation =
        Random(config_.seed, "augment", hash_text(identity), static_cast<uint64_t>(sample.epoch));
    if (loader_) loader_(sample);
    return true;
  } catch (const Error& error) {
    if (!concerns_the_record(error.code())) throw;
    sample.skipped = {
        {address, mixture_.name(address.part), sample.listed_in, sample.key, error.what()}};
    return false;
  }
}

}  // namespace blip2
