// What a verb of the command line is: a name, options, and one call. What it does lies in tasks,
// train and workflows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "apps/command_line.h"
#include "blip2/base/error.h"
#include "blip2/models/bundle.h"
#include "blip2/nn/autocast.h"
#include "blip2/ranks/launch.h"

namespace blip2 {

/// The options that every verb has.
struct GeneralOptions {
  std::string device = "cpu";
  std::string dtype = "auto";
  std::optional<int64_t> threads;
  std::optional<int64_t> seed;
  std::string log_level = "info";
  bool log_json = false;
  Launch launch = read_launch();  ///< not an option: how this process was started
  at::Device opened = at::kCPU;   ///< what `device` names, after apply()

  void add(Options& options);
  /// Opens the device, checks dtype, and sets log and threads for the process. Throws
  /// kInvalidArgument.
  void apply();
  /// Of the frozen parts: `auto` is float32, whose numbers are the reference's.
  Arithmetic arithmetic() const { return blip2::arithmetic(is_bfloat16(), opened); }
  BundleOptions bundle_options() const {
    return {.device = opened, .has_bfloat16_matrices = is_bfloat16()};
  }
  bool is_bfloat16() const { return dtype == "bfloat16"; }
  /// What stands before every line of a rank but the first: "rank 1: ".
  std::string line_prefix() const;
  uint64_t seed_or_default() const { return static_cast<uint64_t>(seed.value_or(42)); }
};

/// A model as --dtype asks for it. While it lives, what this thread computes, it computes so.
struct OpenModel {
  OpenModel(const std::filesystem::path& directory, const GeneralOptions& general)
      : name(directory.string()),
        bundle(load_bundle(directory, general.bundle_options())),
        autocast(general.arithmetic()) {}

  /// Throws kUnsupported, naming the directory, unless it is a model "for ..." or "that ...".
  void expect(bool holds, std::string_view what) const {
    if (!holds) fail(ErrorCode::kUnsupported, "--model {}: expected a model {}", name, what);
  }

  const std::string name;

  const Bundle bundle;
  const Autocast autocast;
};

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
