// The checks of options, and how options override others.
#include "blip2/generate/options.h"

#include <type_traits>
#include <variant>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"

namespace blip2 {
namespace {

/// Hugging Face's default where neither max_new_tokens nor max_length is given.
constexpr int64_t kDefaultNewTokens = 20;

constexpr const char* kWhere = "generation options";

/// Checks every field against the limit that visit() gives it.
struct LimitCheck {
  void check(const char* name, int64_t value, const Limit& limit) const {
    require_within(kWhere, name, value, limit);
  }
  void check(const char* name, double value, const Limit& limit) const {
    require_within(kWhere, name, value, limit);
  }
  void check(const char*, bool, const Limit&) const {}
  void check(const char*, const std::string&, const Limit&) const {}
  void check(const char*, const std::vector<std::string>&, const Limit&) const {}
  template <typename T>
  void check(const char* name, const std::optional<T>& value, const Limit& limit) const {
    if (value) check(name, *value, limit);
  }

  template <typename T>
  void operator()(const char* name, const T& value, const char*, const Limit& limit = {}) const {
    check(name, value, limit);
  }
};

void validate_lengths(const GenerationOptions& options) {
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
  GenerationOptions checked = options;
  visit(checked, LimitCheck());
  validate_lengths(options);
  const Limit stopping = one_of({"true", "false", "never"});
  if (!admits(stopping, options.early_stopping)) {
    fail(ErrorCode::kInvalidArgument, "{}: early_stopping: expected {}, found {}", kWhere,
         choices_text(stopping), quote(options.early_stopping));
  }
  const bool beams = options.num_beams > 1;
  if ((beams || !options.do_sample) && options.num_return_sequences > options.num_beams) {
    fail(ErrorCode::kInvalidArgument,
         "generation options: num_return_sequences ({}) exceeds num_beams ({}){}",
         options.num_return_sequences, options.num_beams, beams ? "" : " and do_sample is off");
  }
  for (const std::string& text : options.stop) {
    if (text.empty())
      fail(ErrorCode::kInvalidArgument, "{}: stop: expected texts, found \"\"", kWhere);
  }
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
