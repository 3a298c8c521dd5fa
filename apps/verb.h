// What a verb of the command line is: a name, options, and one call. What it does is in tasks,
// train and workflows. It sees no model: open_model.h is for verbs that compute with one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "apps/command_line.h"
#include "apps/general_options.h"

namespace blip2 {

struct Verb {
  std::string name;     ///< "caption", or two words: "index build"
  std::string summary;  ///< a line for --help
  std::function<void(Options&)> add;
  std::function<int(const GeneralOptions&)> run;  ///< returns the exit status
};

/// A verb of a struct that holds its options: `void add(Options&)` names them, `int run(const
/// GeneralOptions&)` does it.
template <typename Body>
Verb make_verb(std::string name, std::string summary) {
  const auto body = std::make_shared<Body>();
  return {std::move(name), std::move(summary), [body](Options& options) { body->add(options); },
          [body](const GeneralOptions& general) { return body->run(general); }};
}

Verb answer_verb();
Verb capfilt_status_verb();
Verb capfilt_verb();
Verb caption_verb();
Verb config_show_verb();
Verb convert_verb();
Verb data_inspect_verb();
Verb demo_verb();
Verb embed_verb();
Verb evaluate_verb();
Verb index_build_verb();
Verb inspect_verb();
Verb match_verb();
Verb report_verb();
Verb search_verb();
Verb tokenize_verb();
Verb train_verb();
Verb zero_shot_verb();

}  // namespace blip2
