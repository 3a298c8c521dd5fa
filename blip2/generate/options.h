// What a user can ask of text generation. Names, meaning and defaults are Hugging Face's
// (transformers 4.57, GenerationConfig); 20 new tokens, greedy, where nothing is said.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "blip2/base/config.h"

namespace blip2 {

/// Most beams, and most drawn texts, for an input: each is a row of the decoder with a cache of its
/// own, and what is above is a slip that would take all memory.
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

/// Calls `v(name, field, help, limit)` for every field; where there is no limit, without: the
/// command line, YAML and HTTP are made of it.
template <typename V>
void visit(GenerationOptions& options, V&& v) {
  v("max_new_tokens", options.max_new_tokens, "most tokens to write; goes before max_length [20]",
    at_least(1));
  v("min_new_tokens", options.min_new_tokens, "no end token before so many new tokens",
    at_least(0));
  v("max_length", options.max_length, "most tokens in all, the prompt's included", at_least(1));
  v("min_length", options.min_length, "no end token before so many tokens, the prompt's included",
    at_least(0));
  v("num_beams", options.num_beams,
    "beams of the search, at most 1024; 1: greedy, or plain sampling", between(1, kMaxBeams));
  v("length_penalty", options.length_penalty,
    "beams are ranked by log-probability / length^this: above 0 favours long texts");
  v("early_stopping", options.early_stopping,
    "true: stop at num_beams finished texts; false: when a better one is unlikely; never: when "
    "impossible");
  v("no_repeat_ngram_size", options.no_repeat_ngram_size,
    "no run of so many tokens occurs twice; 0: off", at_least(0));
  v("repetition_penalty", options.repetition_penalty,
    "scores of tokens already there are divided by this; 1: off", above(0));
  v("do_sample", options.do_sample,
    "draw tokens at random instead of taking the best: by the seed, the picture and the prompt");
  v("temperature", options.temperature, "logits are divided by this before a draw", above(0));
  v("top_k", options.top_k, "draw among the so many most probable tokens; 0: all", at_least(0));
  v("top_p", options.top_p, "draw among the most probable tokens that make up this probability",
    {.low = 0, .high = 1, .above_low = true});
  v("num_return_sequences", options.num_return_sequences,
    "texts to return for each input, at most 16384", between(1, kMaxReturnSequences));
  v("stop", options.stop, "texts that end the writing");
}

/// Throws kInvalidArgument where a field is out of range or fields disagree: the message names
/// them.
void validate(const GenerationOptions& options);

/// How many tokens at most follow a prompt of `prompt_length` ids. Throws kInvalidArgument where
/// max_length leaves none.
int64_t max_new_tokens(const GenerationOptions& options, int64_t prompt_length);

}  // namespace blip2
