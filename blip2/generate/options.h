// The options of text generation. Names, meaning and defaults are Hugging Face's (transformers
// 4.57, GenerationConfig): 20 new tokens, greedy.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "blip2/base/config.h"

namespace blip2 {

/// Most beams, and most drawn texts, for an input. Each is a row of the decoder with a cache of its
/// own; more is a mistake that would take all memory.
constexpr int64_t kMaxBeams = 1024;
constexpr int64_t kMaxReturnSequences = 16384;

struct GenerationOptions {
  std::optional<int64_t> max_new_tokens;
  std::optional<int64_t> min_new_tokens;
  std::optional<int64_t> max_length;
  int64_t min_length = 0;
  int64_t num_beams = 1;
  double length_penalty = 1.0;
  std::string early_stopping = "false";
  int64_t no_repeat_ngram_size = 0;
  double repetition_penalty = 1.0;
  bool do_sample = false;
  double temperature = 1.0;
  int64_t top_k = 50;
  double top_p = 1.0;
  int64_t num_return_sequences = 1;
  std::vector<std::string> stop;
};

/// Calls `v(name, field, help, limit)` for every field, or without `limit` where there is none. The
/// command line, YAML and HTTP are built from it.
template <typename V>
void visit(GenerationOptions& options, V&& v) {
  v("max_new_tokens", options.max_new_tokens, "most new tokens; overrides max_length [20]",
    at_least(1));
  v("min_new_tokens", options.min_new_tokens, "least new tokens before the end token", at_least(0));
  v("max_length", options.max_length, "most tokens, those of the prompt included", at_least(1));
  v("min_length", options.min_length,
    "least tokens before the end token, those of the prompt included", at_least(0));
  v("num_beams", options.num_beams,
    "beams of the search, at most 1024; 1: greedy search or plain sampling", between(1, kMaxBeams));
  v("length_penalty", options.length_penalty,
    "beams are ranked by log-probability / length^this: above 0 favours long texts");
  v("early_stopping", options.early_stopping,
    "when beam search stops. true: at num_beams finished texts; false: when a better one is "
    "unlikely; never: when a better one is impossible",
    one_of({"true", "false", "never"}));
  v("no_repeat_ngram_size", options.no_repeat_ngram_size,
    "length of the runs of tokens that may not occur twice; 0: off", at_least(0));
  v("repetition_penalty", options.repetition_penalty,
    "scores of tokens that already occurred are divided by this; 1: off", above(0));
  v("do_sample", options.do_sample,
    "draw tokens at random instead of taking the best; a draw depends on the seed, the picture and "
    "the prompt");
  v("temperature", options.temperature, "logits are divided by this before a draw", above(0));
  v("top_k", options.top_k, "number of most probable tokens to draw among; 0: all", at_least(0));
  v("top_p", options.top_p, "total probability of the most probable tokens to draw among",
    {.low = 0, .high = 1, .above_low = true});
  v("num_return_sequences", options.num_return_sequences,
    "texts to return for each input, at most 16384", between(1, kMaxReturnSequences));
  v("stop", options.stop, "text that ends generation; may be repeated");
}

/// Throws kInvalidArgument where a field is out of range or fields disagree: the message names
/// them.
void validate(const GenerationOptions& options);

/// `defaults`, with the fields of `given` that `is_given` names over them. Throws as validate().
GenerationOptions merge(GenerationOptions defaults, GenerationOptions given,
                        const std::function<bool(const std::string& name)>& is_given);

/// How many tokens at most follow a prompt of `prompt_length` ids. Throws kInvalidArgument where
/// max_length leaves none.
int64_t max_new_tokens(const GenerationOptions& options, int64_t prompt_length);

}  // namespace blip2
