// The options of a verb, declared by name, and the parsing of a command line into them. The only
// file that knows the parsing library.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/base/config.h"

namespace blip2 {

/// Options and positional arguments, each bound to a variable that holds the default and must stay
/// where it is.
class Options {
 public:
  /// `command` is what a usage line starts with: "blip2 caption".
  Options(const std::string& command, const std::string& summary);
  ~Options();

  /// Declares one. `form` is what --help shows: "--model DIR", "--text TEXT..." (one value or
  /// more), "--stop TEXT" (bound to a list: one value each time), "--log-json" (a switch),
  /// "IMAGE..." (positional). The default is added to the help.
  template <typename T>
  void add(std::string_view form, T& value, std::string_view help, Limit limit = {}) {
    declare(form, &value, help, limit, Presence::kOptional);
  }
  /// The same for one that must be given, which the help says.
  template <typename T>
  void require(std::string_view form, T& value, std::string_view help, Limit limit = {}) {
    declare(form, &value, help, limit, Presence::kRequired);
  }
  /// Starts a group of options with its own heading.
  void group(const std::string& heading);
  /// Text under the options.
  void footer(const std::string& text);

  /// Parses what follows the verb. Returns false where --help was asked for. Throws
  /// kInvalidArgument, naming what was given and the nearest known option.
  bool parse(const std::vector<std::string>& arguments);

  /// Whether an option ("--num-beams") was on the command line.
  bool given(const std::string& name) const;
  std::string help() const;

 private:
  enum class Presence { kOptional, kRequired };
  void declare(std::string_view form, ConfigSlot slot, std::string_view help, const Limit& limit,
               Presence presence);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace blip2
