// Declares an option for each field of GenerationOptions.
#include "apps/generation_arguments.h"

#include "blip2/base/option_names.h"

namespace blip2 {

void GenerationArguments::add(Options& options) {
  options_ = &options;
  options.group("Generation (the model's text_config over these defaults)");
  visit(given_, [&](const char* name, auto& field, const char* help, const Limit& limit = {}) {
    options.add(option_form(name, &field, limit), field, help, limit);
  });
}

GenerationOptions GenerationArguments::over(const GenerationOptions& defaults) const {
  return merge(defaults, given_,
               [&](const std::string& name) { return options_->given(option_name(name)); });
}

std::string GenerationArguments::first_given() const {
  std::string first;
  GenerationOptions names_only;
  visit(names_only, [&](const char* name, auto&, const char*, const Limit& = {}) {
    if (first.empty() && options_->given(option_name(name))) first = option_name(name);
  });
  return first;
}

}  // namespace blip2
