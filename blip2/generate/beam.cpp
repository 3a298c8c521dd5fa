// Beams of all inputs in one batch of the decoder's rows.
#include "blip2/generate/beam.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/topk.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/random.h"
#include "blip2/generate/processors.h"
#include "blip2/generate/rules.h"
#include "blip2/generate/sampling.h"

namespace blip2 {
namespace {

/// What the reference adds to a score that must not win. Scores are float32 here as there, so that
/// sums with it absorb what they absorb there.
constexpr float kBarred = -1e9F;

struct Candidate {
  size_t parent = 0;  ///< running beam that it continues
  int64_t token = 0;
  float score = 0;  ///< sum of processed log-probabilities
};

struct Beam {
  std::vector<int64_t> ids;  ///< the prompt's, then the new ones
  float score = 0;
  bool finished = false;  ///< among the finished: whether the place is filled
  FinishReason reason = FinishReason::kLength;
};

/// The state of one input (transformers 4.57.6, generation/utils.py: _beam_search).
class BeamState {
 public:
  BeamState(const SearchRequest& request, const SearchInput& input)
      : request_(request),
        num_beams_(static_cast<size_t>(request.options.num_beams)),
        prompt_length_(input.prompt_ids.size()),
        limit_(token_limit(request, input)),
        random_(request.seed, "generate", input.stream) {
    // Only the first beam counts at first: else all beams would be one text.
    running_.assign(num_beams_, {input.prompt_ids, kBarred});
    running_[0].score = 0;
    finished_.assign(num_beams_, {input.prompt_ids, kBarred});
  }

  const std::vector<Beam>& running() const { return running_; }
  /// The running beam of the step before that each running beam continues.
  const std::vector<size_t>& parents() const { return parents_; }
  TokenHistory history(size_t beam) const {
    return {running_[beam].ids, static_cast<int64_t>(prompt_length_)};
  }
  bool done() const { return done_; }
  Random& random() { return random_; }

  /// One step, given the pool of candidates, best (or first drawn) first.
  void advance(const std::vector<Candidate>& pool);

  std::vector<GeneratedSequence> results() const;

 private:
  bool all_finished() const {
    return std::all_of(finished_.begin(), finished_.end(),
                       [](const Beam& b) { return b.finished; });
  }
  void keep_running(const std::vector<Candidate>& pool, const std::vector<Beam>& continued);
  void keep_finished(std::vector<Beam> continued);
  bool can_improve() const;
  float penalised(float score, size_t length) const {
    return score / static_cast<float>(
                       std::pow(static_cast<double>(length), request_.options.length_penalty));
  }
  /// New tokens written so far.
  size_t length() const { return running_[0].ids.size() - prompt_length_; }

  const SearchRequest& request_;
  size_t num_beams_;
  size_t prompt_length_;
  int64_t limit_;
  Random random_;
  std::vector<Beam> running_;
  std::vector<size_t> parents_;
  std::vector<Beam> finished_;  ///< best first; places that are not filled last
  bool done_ = false;
};

void BeamState::advance(const std::vector<Candidate>& pool) {
  const float best = pool.front().score;
  if (std::isnan(best)) fail(ErrorCode::kInternal, "the language model's logits are not numbers");
  if (std::isinf(best) && !request_.options.do_sample) {  // the processors left no token at all
    done_ = true;
    return;
  }
  std::vector<Beam> continued;
  for (const Candidate& candidate : pool) {
    Beam beam{running_[candidate.parent].ids, candidate.score};
    beam.ids.push_back(candidate.token);
    const auto reason =
        finish_reason(request_, std::span(beam.ids).subspan(prompt_length_), limit_);
    beam.finished = reason.has_value();
    beam.reason = reason.value_or(FinishReason::kLength);
    continued.push_back(std::move(beam));
  }
  const bool all_hit = std::all_of(continued.begin(), continued.end(),
                                   [](const Beam& beam) { return beam.finished; });
  keep_running(pool, continued);
  keep_finished(std::move(continued));
  const bool full = request_.options.early_stopping == "true" && all_finished();
  done_ = full || all_hit || !can_improve();
}

void BeamState::keep_running(const std::vector<Candidate>& pool,
                             const std::vector<Beam>& continued) {
  std::vector<std::pair<float, size_t>> order;
  for (size_t i = 0; i < continued.size(); ++i) {
    order.emplace_back(continued[i].score + (continued[i].finished ? kBarred : 0.0F), i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Beam> next;
  parents_.clear();
  for (size_t b = 0; b < num_beams_; ++b) {
    const auto [score, i] = order[b];
    next.push_back({continued[i].ids, score});
    parents_.push_back(pool[i].parent);
  }
  running_ = std::move(next);
}

void BeamState::keep_finished(std::vector<Beam> continued) {
  std::vector<Beam> merged = std::move(finished_);
  for (size_t i = 0; i < continued.size(); ++i) {
    Beam& beam = continued[i];
    beam.finished = beam.finished && i < num_beams_;  // the rest is there to go on with
    beam.score = penalised(beam.score, length());
    if (!beam.finished) beam.score += kBarred;
    merged.push_back(std::move(beam));
  }
  std::stable_sort(merged.begin(), merged.end(),
                   [](const Beam& a, const Beam& b) { return a.score > b.score; });
  merged.resize(num_beams_);
  finished_ = std::move(merged);
}

bool BeamState::can_improve() const {
  const GenerationOptions& options = request_.options;
  const bool optimistic = options.early_stopping == "never" && options.length_penalty > 0;
  const size_t best_length = optimistic ? static_cast<size_t>(limit_) : length();
  const float best = penalised(running_[0].score, best_length);
  return best > (all_finished() ? finished_.back().score : kBarred);
}

std::vector<GeneratedSequence> BeamState::results() const {
  const size_t count = static_cast<size_t>(request_.options.num_return_sequences);
  std::vector<GeneratedSequence> results;
  const auto add = [&](const Beam& beam, float score) {
    const auto new_ids = std::span(beam.ids).subspan(prompt_length_);
    results.push_back({{new_ids.begin(), new_ids.end()}, score, beam.reason});
  };
  for (const Beam& beam : finished_) {
    if (beam.finished && results.size() < count) add(beam, beam.score);
  }
  // Too few only where the processors left no token to continue with: then what was written so far.
  for (const Beam& beam : running_) {
    if (results.size() < count) add(beam, length() == 0 ? 0 : penalised(beam.score, length()));
  }
  return results;
}

/// The pool of one input: the best of num_beams * V, or as many draws. scores: [num_beams, V]
/// float32.
std::vector<Candidate> make_pool(const at::Tensor& scores, int64_t size, bool do_sample,
                                 BeamState& state) {
  const at::Tensor flat = do_sample ? scores.cpu().reshape(-1) : scores.reshape(-1);
  std::vector<Candidate> pool;
  const auto add = [&](int64_t index, float score) {
    pool.push_back({static_cast<size_t>(index / scores.size(1)), index % scores.size(1), score});
  };
  if (do_sample) {
    const float* values = flat.const_data_ptr<float>();
    const std::span<const float> span(values, static_cast<size_t>(flat.numel()));
    for (const int64_t i : draw_without_replacement(span, size, state.random())) add(i, values[i]);
    return pool;
  }
  auto [best, index] = at::topk(flat, size);
  best = best.cpu();
  index = index.cpu();
  for (int64_t i = 0; i < size; ++i) {
    add(index.const_data_ptr<int64_t>()[i], best.const_data_ptr<float>()[i]);
  }
  return pool;
}

/// Log-probabilities of the running beams of the open inputs, processed, plus the beams' own
/// scores: [num_open * num_beams, V].
at::Tensor accumulated_scores(const at::Tensor& logits, const Processors& processors,
                              const std::vector<BeamState*>& open) {
  at::Tensor scores = at::log_softmax(logits, -1);
  const size_t num_beams = open[0]->running().size();
  if (!processors.empty()) {
    scores = scores.cpu().contiguous();
    const size_t vocabulary = static_cast<size_t>(scores.size(1));
    for (size_t row = 0; row < open.size() * num_beams; ++row) {
      processors.apply({scores.mutable_data_ptr<float>() + row * vocabulary, vocabulary},
                       open[row / num_beams]->history(row % num_beams));
    }
  }
  std::vector<float> running;
  for (const BeamState* state : open) {
    for (const Beam& beam : state->running()) running.push_back(beam.score);
  }
  return scores + at::tensor(running, at::kFloat).to(scores.device()).unsqueeze(1);
}

bool is_identity(const std::vector<int64_t>& rows, size_t num_rows) {
  if (rows.size() != num_rows) return false;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] != static_cast<int64_t>(i)) return false;
  }
  return true;
}

/// Advances every open input by one token and gives the decoder the beams that continue. Returns
/// the next logits.
at::Tensor step(Decoder& decoder, const at::Device& device, const std::vector<int64_t>& rows,
                size_t num_rows, const std::vector<BeamState*>& open) {
  std::vector<int64_t> tokens;
  for (const BeamState* state : open) {
    for (const Beam& beam : state->running()) tokens.push_back(beam.ids.back());
  }
  if (!is_identity(rows, num_rows)) decoder.select(at::tensor(rows, at::kLong).to(device));
  return decoder.step(at::tensor(tokens, at::kLong).to(device));
}

}  // namespace

std::vector<std::vector<GeneratedSequence>> beam_search(Decoder& decoder,
                                                        const SearchRequest& request) {
  const int64_t num_beams = request.options.num_beams;
  // Enough that num_beams candidates remain where all the best are ends.
  const int64_t num_ends = static_cast<int64_t>(request.eos_ids.size());
  const int64_t pool_size = std::max<int64_t>(2, 1 + num_ends) * num_beams;
  const Processors processors(request.options, request.eos_ids);
  std::vector<BeamState> states;
  states.reserve(request.inputs.size());
  std::vector<BeamState*> open;
  for (const SearchInput& input : request.inputs) {
    open.push_back(&states.emplace_back(request, input));
  }
  at::Tensor logits = decoder.start();  // [N, V]
  BLIP2_CHECK(logits.dim() == 2 && logits.size(0) == static_cast<int64_t>(states.size()));
  if (logits.size(1) < std::max<int64_t>(2, 1 + num_ends)) {
    fail(ErrorCode::kInvalidArgument, "beam search: a vocabulary of {} is too small",
         logits.size(1));
  }
  bool first = true;  // the decoder has a row an input; later, a row a beam
  while (true) {
    if (first) logits = logits.repeat_interleave(num_beams, 0);
    const at::Tensor scores = accumulated_scores(logits, processors, open);
    std::vector<BeamState*> still_open;
    std::vector<int64_t> rows;  // of the decoder, for the beams that continue
    for (size_t i = 0; i < open.size(); ++i) {
      const int64_t begin = static_cast<int64_t>(i) * num_beams;
      open[i]->advance(make_pool(scores.narrow(0, begin, num_beams), pool_size,
                                 request.options.do_sample, *open[i]));
      if (open[i]->done()) continue;
      still_open.push_back(open[i]);
      for (const size_t parent : open[i]->parents()) {
        rows.push_back(first ? static_cast<int64_t>(i) : begin + static_cast<int64_t>(parent));
      }
    }
    if (still_open.empty()) break;
    const size_t num_rows = first ? open.size() : open.size() * static_cast<size_t>(num_beams);
    logits = step(decoder, logits.device(), rows, num_rows, still_open);
    open = std::move(still_open);
    first = false;
  }
  std::vector<std::vector<GeneratedSequence>> results;
  for (const BeamState& state : states) results.push_back(state.results());
  return results;
}

}  // namespace blip2
