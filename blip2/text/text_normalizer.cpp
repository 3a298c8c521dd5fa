// The steps of a normalizer, one after another.
#include "blip2/text/text_normalizer.h"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "blip2/base/utf8.h"
#include "blip2/text/canonical_form.h"
#include "blip2/text/tokenizer_frame.h"
#include "blip2/text/unicode_classes.h"

namespace blip2 {
namespace {

/// Replaces each run of `min_length` or more characters that `belongs` to.
template <typename Belongs>
std::string replace_runs(std::string_view text, size_t min_length, const std::string& replacement,
                         const Belongs& belongs) {
  std::string out;
  out.reserve(text.size());
  for (size_t start = 0; start < text.size();) {
    size_t stop = start, length = 0;
    for (size_t next = start; next < text.size(); stop = next, ++length) {
      if (!belongs(next_code_point(text, next))) break;
    }
    if (length >= min_length) {
      out += replacement;
    } else {
      if (length == 0) next_code_point(text, stop);
      out += text.substr(start, stop - start);
    }
    start = stop;
  }
  return out;
}

std::string run_step(const ComposeStep&, const std::string& text) {
  return to_utf8(compose(to_code_points(text)));
}

std::string run_step(const LowerCaseStep&, const std::string& text) {
  std::u32string lowered;
  lowered.reserve(text.size());
  for (size_t position = 0; position < text.size();) {
    append_lower_case(lowered, next_code_point(text, position));
  }
  return to_utf8(lowered);
}

std::string run_step(const PrependStep& step, const std::string& text) {
  return text.empty() ? text : step.text + text;
}

std::string run_step(const ReplaceStep& step, std::string text) {
  switch (step.pattern) {
    case ReplaceStep::Pattern::kText:
      replace_all(text, step.found, step.text);
      return text;
    case ReplaceStep::Pattern::kWhiteSpaces:
      return replace_runs(text, 1, step.text, is_white_space);
    case ReplaceStep::Pattern::kSeveralSpaces:
      return replace_runs(text, 2, step.text, [](char32_t c) { return c == U' '; });
  }
  return text;
}

std::string run_step(const StripStep& step, const std::string& text) {
  size_t start = 0, stop = text.size();
  for (size_t next = 0; step.left && next < text.size(); start = next) {
    if (!is_white_space(next_code_point(text, next))) break;
  }
  for (size_t before = stop; step.right && before > start; stop = before) {
    if (!is_white_space(previous_code_point(text, before))) break;
  }
  return text.substr(start, stop - start);
}

std::string run_step(const CharsmapStep& step, const std::string& text) {
  return step.charsmap->normalize(text);
}

}  // namespace

std::string normalize(const NormalizerSteps& steps, std::string_view text) {
  std::string out(text);
  for (const NormalizerStep& step : steps) {
    out = std::visit([&](const auto& kind) { return run_step(kind, out); }, step);
  }
  return out;
}

std::function<std::string(std::string_view)> make_normalizer(NormalizerSteps steps) {
  if (steps.empty()) return {};
  return [steps = std::move(steps)](std::string_view text) { return normalize(steps, text); };
}

}  // namespace blip2
