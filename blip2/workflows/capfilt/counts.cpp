// Adding up counts, and the JSON of a shard's state.
#include "blip2/workflows/capfilt/counts.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "blip2/base/error.h"
#include "blip2/base/json_text.h"

namespace blip2 {
namespace {

using Json = nlohmann::ordered_json;

/// Bins that are not empty: [[bin, count], ...].
Json to_pairs(const ScoreHistogram& histogram) {
  Json pairs = Json::array();
  for (size_t i = 0; i < ScoreHistogram::kBins; ++i) {
    if (histogram.counts[i] != 0) pairs.push_back({i, histogram.counts[i]});
  }
  return pairs;
}

ScoreHistogram from_pairs(const Json& pairs) {
  ScoreHistogram histogram;
  for (const Json& pair : pairs) {
    histogram.counts.at(pair.at(0).get<size_t>()) = pair.at(1).get<int64_t>();
  }
  return histogram;
}

}  // namespace

void ScoreHistogram::add(double score) {
  if (std::isnan(score)) return;
  const double bin = std::floor((score + 1) / 0.02);
  ++counts[static_cast<size_t>(std::clamp(bin, 0.0, static_cast<double>(kBins - 1)))];
}

void ScoreHistogram::add(const ScoreHistogram& other) {
  for (size_t i = 0; i < kBins; ++i) counts[i] += other.counts[i];
}

int64_t ScoreHistogram::total() const {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

void CapFiltCounts::add(const CapFiltResult& result) {
  for (const CaptionCandidate& candidate : result.candidates) {
    const bool is_web = candidate.source == CaptionCandidate::Source::kWeb;
    ++(is_web ? web_candidates : synthetic_candidates);
    (is_web ? web_scores : synthetic_scores).add(candidate.score);
    if (candidate.kept) ++(is_web ? web_kept : synthetic_kept);
    if (candidate.dropped_by == "rank") ++dropped_by_rank;
    if (candidate.dropped_by == "similarity") ++dropped_by_similarity;
    if (candidate.dropped_by == "match") ++dropped_by_match;
    if (candidate.dropped_by == "duplicate") ++dropped_by_duplicate;
  }
}

void CapFiltCounts::add(const CapFiltCounts& other) {
  std::vector<int64_t> numbers;
  visit_counts(other, [&](const char*, const int64_t& number) { numbers.push_back(number); });
  auto next = numbers.begin();
  visit_counts(*this, [&](const char*, int64_t& number) { number += *next++; });
  web_scores.add(other.web_scores);
  synthetic_scores.add(other.synthetic_scores);
}

std::string CapFiltCounts::equation() const {
  return fmt::format(
      "{} records = {} kept + {} opted out + {} duplicates + {} near duplicates + {} without a "
      "caption that passes + {} failed",
      records, kept, opt_out, duplicate, near_duplicate, no_caption, failed);
}

std::string to_json(const ShardState& state) {
  Json json = {{"shard", state.shard}};
  visit_counts(state.counts, [&](const char* name, const int64_t& number) { json[name] = number; });
  json["web_scores"] = to_pairs(state.counts.web_scores);
  json["synthetic_scores"] = to_pairs(state.counts.synthetic_scores);
  json["seconds"] = state.seconds;
  json["worker"] = state.worker;
  return json_on_one_line(json) + "\n";
}

ShardState parse_shard_state(std::string_view text, const std::string& where) {
  ShardState state;
  try {
    const Json json = Json::parse(text);
    state.shard = json.at("shard").get<std::string>();
    visit_counts(state.counts,
                 [&](const char* name, int64_t& number) { json.at(name).get_to(number); });
    state.counts.web_scores = from_pairs(json.at("web_scores"));
    state.counts.synthetic_scores = from_pairs(json.at("synthetic_scores"));
    state.seconds = json.at("seconds").get<double>();
    state.worker = json.at("worker").get<std::string>();
  } catch (const std::exception&) {
    fail(ErrorCode::kCorruptData, "{}: expected the state of a shard, found other text", where);
  }
  return state;
}

}  // namespace blip2
