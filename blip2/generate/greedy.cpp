// A token for each row, until all rows are finished.
#include "blip2/generate/greedy.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/random.h"
#include "blip2/generate/processors.h"
#include "blip2/generate/rules.h"
#include "blip2/generate/sampling.h"

namespace blip2 {
namespace {

/// A text in progress.
struct Row {
  std::vector<int64_t> ids;  ///< the prompt's, then the new ones
  int64_t prompt_length = 0;
  int64_t limit = 0;  ///< of new tokens
  Random random;
  double score = 0;
  FinishReason reason = FinishReason::kLength;

  std::span<const int64_t> new_ids() const {
    return std::span(ids).subspan(static_cast<size_t>(prompt_length));
  }
};

std::vector<Row> make_rows(const SearchRequest& request) {
  std::vector<Row> rows;
  for (const SearchInput& input : request.inputs) {
    for (int64_t i = 0; i < request.options.num_return_sequences; ++i) {
      rows.push_back({input.prompt_ids, static_cast<int64_t>(input.prompt_ids.size()),
                      token_limit(request, input),
                      Random(request.seed, "generate", input.stream, static_cast<uint64_t>(i))});
    }
  }
  return rows;
}

/// The next token where the processors leave none.
constexpr int64_t kNone = -1;

int64_t choose_one(const std::vector<float>& scores, bool do_sample, Random& random) {
  const auto best = std::max_element(scores.begin(), scores.end());
  if (*best == -std::numeric_limits<float>::infinity()) return kNone;
  return do_sample ? draw(scores, random) : best - scores.begin();
}

/// The next token of each active row, [N] int64 on the CPU.
at::Tensor choose(const at::Tensor& logits, const Processors& processors, bool do_sample,
                  std::vector<Row>& rows, const std::vector<size_t>& active) {
  if (processors.empty()) return logits.argmax(-1).cpu();
  const at::Tensor scores = logits.cpu().contiguous();  // [N, V]
  const size_t vocabulary = static_cast<size_t>(scores.size(1));
  at::Tensor tokens = at::empty({scores.size(0)}, at::kLong);
  const float* from = scores.const_data_ptr<float>();
  int64_t* chosen = tokens.mutable_data_ptr<int64_t>();
  // Each row has a stream of its own: the threads take nothing from each other.
  at::parallel_for(0, scores.size(0), 1, [&](int64_t begin, int64_t end) {
    std::vector<float> row_scores(vocabulary);
    for (size_t i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      Row& row = rows[active[i]];
      std::copy_n(from + i * vocabulary, vocabulary, row_scores.begin());
      processors.apply(row_scores, {row.ids, row.prompt_length});
      chosen[i] = choose_one(row_scores, do_sample, row.random);
    }
  });
  return tokens;
}

/// Appends a token to each active row. Returns the places in `active` of the rows that continue.
std::vector<int64_t> append(const SearchRequest& request, const at::Tensor& logits,
                            const at::Tensor& tokens, std::vector<Row>& rows,
                            const std::vector<size_t>& active) {
  const at::Tensor index = tokens.clamp_min(0).to(logits.device()).unsqueeze(1);
  const at::Tensor chosen = logits.gather(1, index).squeeze(1);
  const at::Tensor scores = (chosen - at::logsumexp(logits, {1})).cpu();  // [N]
  std::vector<int64_t> going_on;
  for (size_t i = 0; i < active.size(); ++i) {
    Row& row = rows[active[i]];
    const int64_t token = tokens.const_data_ptr<int64_t>()[i];
    const double score = scores.const_data_ptr<float>()[i];
    if (std::isnan(score))
      fail(ErrorCode::kInternal, "the language model's logits are not numbers");
    if (token == kNone) continue;
    row.score += score;
    row.ids.push_back(token);
    const auto reason = finish_reason(request, row.new_ids(), row.limit);
    if (reason) {
      row.reason = *reason;
    } else {
      going_on.push_back(static_cast<int64_t>(i));
    }
  }
  return going_on;
}

}  // namespace

std::vector<std::vector<GeneratedSequence>> greedy_search(Decoder& decoder,
                                                          const SearchRequest& request) {
  GenerationOptions options = request.options;
  options.num_beams = 1;
  const Processors processors(options, request.eos_ids);
  std::vector<Row> rows = make_rows(request);
  std::vector<size_t> active(rows.size());
  for (size_t i = 0; i < active.size(); ++i) active[i] = i;

  at::Tensor logits = decoder.start();  // [N, V]
  BLIP2_CHECK(logits.dim() == 2 && logits.size(0) == static_cast<int64_t>(request.inputs.size()));
  if (options.num_return_sequences > 1) {
    std::vector<int64_t> repeated;
    for (size_t i = 0; i < rows.size(); ++i) {
      repeated.push_back(static_cast<int64_t>(i) / options.num_return_sequences);
    }
    const at::Tensor index = at::tensor(repeated, at::kLong).to(logits.device());
    decoder.select(index);
    logits = logits.index_select(0, index);
  }
  while (true) {
    at::Tensor tokens = choose(logits, processors, options.do_sample, rows, active);
    const std::vector<int64_t> going_on = append(request, logits, tokens, rows, active);
    if (going_on.empty()) break;
    if (going_on.size() < active.size()) {  // finished rows leave the decoder
      const at::Tensor index = at::tensor(going_on, at::kLong);
      decoder.select(index.to(logits.device()));
      tokens = tokens.index_select(0, index);
      std::vector<size_t> kept;
      for (const int64_t i : going_on) kept.push_back(active[static_cast<size_t>(i)]);
      active = std::move(kept);
    }
    logits = decoder.step(tokens.to(logits.device()));
  }

  std::vector<std::vector<GeneratedSequence>> results(request.inputs.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::span<const int64_t> ids = rows[i].new_ids();
    results[i / static_cast<size_t>(options.num_return_sequences)].push_back(
        {{ids.begin(), ids.end()}, rows[i].score, rows[i].reason});
  }
  return results;
}

}  // namespace blip2
