// Counting what a source holds.
#include "blip2/data/inspection.h"

#include <algorithm>

#include "blip2/base/error.h"
#include "blip2/base/interrupt.h"
#include "blip2/base/random.h"

namespace blip2 {

namespace {

constexpr size_t kMostWords = 10'000;  // longer captions count as this long

bool is_there(const Record& record) {
  std::error_code error;
  if (!record.stored) return std::filesystem::is_regular_file(record.image, error);
  const auto size = std::filesystem::file_size(record.stored->file, error);
  return !error && record.stored->offset + record.stored->size <= static_cast<int64_t>(size);
}

size_t num_words(const std::string& text) {
  size_t words = 0;
  bool in_word = false;
  for (const char c : text) {
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    words += !space && !in_word;
    in_word = !space;
  }
  return std::min(words, kMostWords);
}

/// The statistics of captions counted by their number of words.
WordCounts summary(const std::vector<int64_t>& captions_with) {
  int64_t captions = 0, words = 0;
  for (size_t n = 0; n < captions_with.size(); ++n) {
    captions += captions_with[n];
    words += captions_with[n] * static_cast<int64_t>(n);
  }
  if (captions == 0) return {};
  const auto at_least = [&](double share) {
    int64_t seen = 0;
    for (size_t n = 0; n < captions_with.size(); ++n) {
      seen += captions_with[n];
      if (seen > 0 && static_cast<double>(seen) >= share * static_cast<double>(captions)) {
        return static_cast<int64_t>(n);
      }
    }
    return static_cast<int64_t>(captions_with.size()) - 1;
  };
  return {at_least(0), at_least(0.5), at_least(0.95), at_least(1),
          static_cast<double>(words) / static_cast<double>(captions)};
}

void add_record(const Record& record, SourceInspection& result, std::vector<int64_t>& lengths) {
  if (!is_there(record)) {
    if (result.missing++ == 0) result.first_missing = record.image.string();
  }
  bool has_text = false;
  for (const std::string& caption : record.captions) {
    const size_t words = num_words(caption);
    if (words == 0) continue;
    has_text = true;
    ++result.captions;
    if (lengths.size() <= words) lengths.resize(words + 1);
    ++lengths[words];
  }
  if (!has_text && result.unusable++ == 0) result.first_unusable = record.key + ": empty caption";
}

}  // namespace

SourceInspection inspect_source(const Source& source, const InspectionOptions& options) {
  SourceInspection result;
  result.records = source.size();
  result.inspected =
      options.max_records > 0 ? std::min(options.max_records, source.size()) : source.size();
  Random draws(options.seed, "inspect");
  uint64_t usable = 0;
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < result.inspected; ++i) {
    throw_if_interrupted();
    const auto index = static_cast<int64_t>(static_cast<__int128>(i) * result.records /
                                            std::max<int64_t>(result.inspected, 1));
    try {
      Record record = source.record(index);
      add_record(record, result, lengths);
      // Each usable record is among the samples with the same chance (reservoir sampling).
      const uint64_t place = draws.below(++usable);
      if (std::ssize(result.samples) < options.num_samples) {
        result.samples.push_back({index, std::move(record)});
      } else if (static_cast<int64_t>(place) < options.num_samples) {
        result.samples[place] = {index, std::move(record)};
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInternal) throw;
      if (result.unusable++ == 0) result.first_unusable = error.what();
    }
    if (options.progress) options.progress(1);
  }
  std::ranges::sort(result.samples, {}, &InspectedSample::index);
  result.words = summary(lengths);
  return result;
}

}  // namespace blip2
