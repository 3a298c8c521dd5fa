// The ranges of generation options, and options laid over others.
#include "blip2/generate/options.h"

#include <cmath>
#include <type_traits>
#include <variant>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

/// Hugging Face's default where neither max_new_tokens nor max_length is given.
constexpr int64_t kDefaultNewTokens = 20;

template <typename T>
void require(bool holds, const char* name, const char* expected, const T& found) {
  if (holds) return;
  fail(ErrorCode::kInvalidArgument, "generation options: {} must be {}, found {}", name, expected,
       found);
}

void validate_lengths(const GenerationOptions& options) {
  if (options.max_new_tokens) {
    require(*options.max_new_tokens > 0, "max_new_tokens", "positive", *options.max_new_tokens);
  }
  if (options.max_length) {
    require(*options.max_length > 0, "max_length", "positive", *options.max_length);
  }
  if (options.min_new_tokens) {
    require(*options.min_new_tokens >= 0, "min_new_tokens", "0 or more", *options.min_new_tokens);
  }
  require(options.min_length >= 0, "min_length", "0 or more", options.min_length);
  const int64_t most_new =
      options.max_new_tokens.value_or(options.max_length.value_or(kDefaultNewTokens));
  if (options.min_new_tokens.value_or(0) > most_new) {
    fail(ErrorCode::kInvalidArgument,
         "generation options: min_new_tokens ({}) exceeds what may be written ({})",
         *options.min_new_tokens, most_new);
  }
}

}  // namespace

void validate(const GenerationOptions& options) {
  validate_lengths(options);
  require(options.num_beams >= 1 && options.num_beams <= kMaxBeams, "num_beams", "from 1 to 1024",
          options.num_beams);
  require(std::isfinite(options.length_penalty), "length_penalty", "finite",
          options.length_penalty);
  require(options.early_stopping == "true" || options.early_stopping == "false" ||
              options.early_stopping == "never",
          "early_stopping", "true, false or never", options.early_stopping);
  require(options.no_repeat_ngram_size >= 0, "no_repeat_ngram_size", "0 or more",
          options.no_repeat_ngram_size);
  require(options.repetition_penalty > 0 && std::isfinite(options.repetition_penalty),
          "repetition_penalty", "positive", options.repetition_penalty);
  require(options.temperature > 0 && std::isfinite(options.temperature), "temperature", "positive",
          options.temperature);
  require(options.top_k >= 0, "top_k", "0 or more", options.top_k);
  require(options.top_p > 0 && options.top_p <= 1, "top_p", "above 0 and at most 1", options.top_p);
  require(options.num_return_sequences >= 1 && options.num_return_sequences <= kMaxReturnSequences,
          "num_return_sequences", "from 1 to 16384", options.num_return_sequences);
  const bool beams = options.num_beams > 1;
  if ((beams || !options.do_sample) && options.num_return_sequences > options.num_beams) {
    fail(ErrorCode::kInvalidArgument,
         "generation options: num_return_sequences ({}) exceeds num_beams ({}){}",
         options.num_return_sequences, options.num_beams, beams ? "" : " and do_sample is off");
  }
  for (const std::string& text : options.stop) require(!text.empty(), "stop", "a text", "\"\"");
}

GenerationOptions merge(GenerationOptions defaults, GenerationOptions given,
                        const std::function<bool(const std::string& name)>& is_given) {
  const ConfigNode from = ConfigCollector::collect("", given, "");
  const ConfigNode to = ConfigCollector::collect("", defaults, "");
  for (size_t i = 0; i < from.children.size(); ++i) {
    if (!is_given(from.children[i].name)) continue;
    std::visit(
        [&](auto source) {
          if constexpr (std::is_pointer_v<decltype(source)>) {
            *std::get<decltype(source)>(to.children[i].slot) = *source;
          }
        },
        from.children[i].slot);
  }
  validate(defaults);
  return defaults;
}

int64_t max_new_tokens(const GenerationOptions& options, int64_t prompt_length) {
  if (options.max_new_tokens) return *options.max_new_tokens;
  if (!options.max_length) return kDefaultNewTokens;
  if (*options.max_length <= prompt_length) {
    fail(ErrorCode::kInvalidArgument,
         "generation options: max_length ({}) counts the prompt, which has {} tokens already",
         *options.max_length, prompt_length);
  }
  return *options.max_length - prompt_length;
}

}  // namespace blip2
