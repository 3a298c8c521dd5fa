// Configuration: structs whose visit() names each field once, read from YAML and written back. This
// is the only place that knows YAML; every other class sees plain structs.
//
//   struct RunConfig { int64_t max_steps = 1000; ... };
//   template <typename V> void visit(RunConfig& c, V&& v) {
//     v("max_steps", c.max_steps, "number of optimiser steps", at_least(1));
//     v.group("loss_weights", c.loss_weights, "weights of the three losses");   // a nested struct
//     v.map("datasets", c.datasets, "any number of sources");                   //
//     std::map<std::string, S>
//   }
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/limits.h"

namespace blip2 {

/// A pointer to a field's value. An empty optional is YAML's null; a single text is a list of one.
using ConfigSlot =
    std::variant<std::monostate, bool*, int64_t*, double*, std::string*, std::vector<std::string>*,
                 std::optional<bool>*, std::optional<int64_t>*, std::optional<double>*,
                 std::optional<std::string>*>;

/// A field, a nested struct, or a map of structs, as visit() named it.
struct ConfigNode {
  enum class Kind { kField, kGroup, kMap };

  Kind kind = Kind::kField;
  std::string name;
  std::string help;
  ConfigSlot slot;                   ///< of a field
  Limit limit;                       ///< of a field
  std::vector<ConfigNode> children;  ///< of a group; of a map: its entries, each a group
  std::function<ConfigNode(const std::string& name)> add_entry;  ///< of a map: makes an entry
};

/// All faults of a configuration at once: the only error that is more than one line.
class ConfigFaults : public Error {
 public:
  /// what() is the lines with line feeds between.
  explicit ConfigFaults(std::vector<std::string> lines);
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::vector<std::string> lines_;
};

/// The visitor that turns a configuration struct into nodes.
class ConfigCollector {
 public:
  template <typename T>
  void operator()(std::string_view name, T& value, std::string_view help, Limit limit = {}) {
    ConfigNode node = make(ConfigNode::Kind::kField, name, help);
    node.slot = &value;
    node.limit = std::move(limit);
    nodes_.push_back(std::move(node));
  }
  template <typename Struct>
  void group(std::string_view name, Struct& value, std::string_view help) {
    nodes_.push_back(collect(name, value, help));
  }
  template <typename Struct>
  void map(std::string_view name, std::map<std::string, Struct>& entries, std::string_view help) {
    ConfigNode node = make(ConfigNode::Kind::kMap, name, help);
    for (auto& [key, value] : entries) node.children.push_back(collect(key, value, ""));
    node.add_entry = [&entries](const std::string& key) { return collect(key, entries[key], ""); };
    nodes_.push_back(std::move(node));
  }
  /// The group of all fields of `value`.
  template <typename Struct>
  static ConfigNode collect(std::string_view name, Struct& value, std::string_view help) {
    ConfigCollector inner;
    visit(value, inner);
    ConfigNode node = make(ConfigNode::Kind::kGroup, name, help);
    node.children = std::move(inner.nodes_);
    return node;
  }

 private:
  static ConfigNode make(ConfigNode::Kind kind, std::string_view name, std::string_view help) {
    ConfigNode node;
    node.kind = kind;
    node.name = name;
    node.help = help;
    return node;
  }
  std::vector<ConfigNode> nodes_;
};

/// A configuration struct while it is being filled: from YAML, from `--set`, from a recipe; it
/// knows where each value came from, and gathers faults so that all of them are reported at once.
/// Holds pointers into the struct, which must outlive it and stay where it is. One thread at a
/// time.
class ConfigDocument {
 public:
  template <typename Config>
  explicit ConfigDocument(Config& config) : root_(ConfigCollector::collect("", config, "")) {}

  /// Reads a YAML file. Faults are gathered; a file that cannot be read throws at once, and what is
  /// no YAML throws them: what it lacks would be said of every key.
  void read_file(const std::filesystem::path& path);
  /// Reads YAML text; `name` stands for the file in messages and sources.
  void read_text(std::string_view yaml, const std::string& name);
  /// Applies "run.max_steps=100". A text is taken as it is; a list is written "[a, b]".
  void set(std::string_view assignment, const std::string& source = "--set");
  /// Gives `path` a value where it still has its default. `path` must be known (else kInternal); an
  /// entry of a map that is not there is made.
  void fill(std::string_view path, std::string_view value, const std::string& source);

  /// "run.yaml:12", "--set", "recipe paper" or "default".
  std::string source(std::string_view path) const;
  bool is_default(std::string_view path) const { return source(path) == "default"; }
  /// The fields that do not have their default, in the order of visit().
  std::vector<std::string> given_paths() const;

  /// Adds a fault of the value at `path`: the message gets the value's source in front, or where it
  /// has its default the file that lacks it.
  void fault(std::string_view path, const std::string& message);
  /// The file that lacks what has its default, where it is read by another document; read_text()
  /// knows its own.
  void set_file(const std::string& name) { file_ = name; }
  /// Hands over the faults gathered so far: they are another document's to report.
  std::vector<std::string> take_faults();
  void add_faults(const std::vector<std::string>& faults);
  /// Checks every field against its limit, then throws kInvalidArgument with all faults, a line
  /// each.
  void check();
  /// Throws ConfigFaults, of kInvalidArgument, with all faults gathered so far, if there are any.
  void throw_faults();

  /// All values as YAML; reading it back gives the same struct. With sources, each line ends in "#
  /// source".
  std::string to_yaml(bool with_sources = false) const;

 private:
  void check_limits(const ConfigNode& node, const std::string& path);

  ConfigNode root_;
  std::map<std::string, std::string, std::less<>> sources_;
  std::vector<std::string> faults_;
  std::string file_;  // the last that was read
};

/// The one of `candidates` with the least edit distance to `word` (the first of several); else the
/// first that starts with `word`; "" where none is near enough.
std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates);
/// "; did you mean 'max_steps'?", or "" where nothing is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace blip2
