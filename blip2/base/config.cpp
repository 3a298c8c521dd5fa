// Reading YAML, `--set` and recipes into configuration nodes. What the fields mean is not known
// here; how they are written is in config_write.cpp. Past 400 lines, because all three
// sources fill the same nodes by the same conversions and checks.
#include "blip2/base/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/base/text_file.h"

namespace blip2 {
namespace {

using Sources = std::map<std::string, std::string, std::less<>>;

constexpr size_t kMaxTextBytes = 1 << 20;  // a configuration, not data

std::string join_path(std::string_view parent, std::string_view name) {
  return parent.empty() ? std::string(name) : fmt::format("{}.{}", parent, name);
}

std::string describe(const YAML::Node& yaml) {
  if (yaml.IsMap()) return "a block of keys";
  if (yaml.IsSequence()) return "a list";
  return yaml.IsScalar() ? quote(yaml.Scalar()) : "nothing";
}

// parse() reads a value, or returns what it expected instead. An empty answer: the value was read.

template <typename Number>
std::string parse_number(const YAML::Node& yaml, Number& value, const char* expected) {
  if (!yaml.IsScalar()) return expected;
  const std::string& text = yaml.Scalar();
  const char* end = text.data() + text.size();
  Number parsed{};
  const auto result = std::from_chars(text.data() + (text.starts_with('+') ? 1 : 0), end, parsed);
  if (result.ec != std::errc() || result.ptr != end) return expected;
  if (!std::isfinite(static_cast<double>(parsed))) return expected;
  value = parsed;
  return "";
}

std::string parse(const YAML::Node& yaml, bool& value) {
  const bool read = yaml.IsScalar() && YAML::convert<bool>::decode(yaml, value);
  return read ? "" : "true or false";
}

std::string parse(const YAML::Node& yaml, int64_t& value) {
  return parse_number(yaml, value, "an integer");
}

std::string parse(const YAML::Node& yaml, double& value) {
  return parse_number(yaml, value, "a number");
}

std::string parse(const YAML::Node& yaml, std::string& value) {
  if (!yaml.IsScalar()) return "text";
  value = yaml.Scalar();
  return "";
}

std::string parse(const YAML::Node& yaml, std::vector<std::string>& value) {
  std::vector<std::string> parsed;
  if (yaml.IsScalar()) parsed.push_back(yaml.Scalar());
  if (yaml.IsSequence()) {
    for (const YAML::Node& element : yaml) {
      if (!element.IsScalar()) return "a list of texts";
      parsed.push_back(element.Scalar());
    }
  }
  if (yaml.IsMap()) return "a list of texts";
  value = std::move(parsed);
  return "";
}

template <typename T>
std::string parse(const YAML::Node& yaml, std::optional<T>& value) {
  T parsed{};
  if (!yaml.IsNull()) {
    const std::string expected = parse(yaml, parsed);
    if (!expected.empty()) return expected + " or null";
  }
  value = yaml.IsNull() ? std::optional<T>() : std::optional<T>(std::move(parsed));
  return "";
}

std::string parse(const YAML::Node& yaml, const ConfigSlot& slot) {
  return std::visit(
      [&](auto target) -> std::string {
        if constexpr (std::is_same_v<decltype(target), std::monostate>) {
          return "a field";
        } else {
          return parse(yaml, *target);
        }
      },
      slot);
}

/// The value of a command-line text: a text field takes it as it is, others read it as YAML.
YAML::Node value_of(std::string_view text, const ConfigSlot& slot) {
  const bool is_text =
      std::holds_alternative<std::string*>(slot) ||
      (std::holds_alternative<std::optional<std::string>*>(slot) && text != "null") ||
      (std::holds_alternative<std::vector<std::string>*>(slot) && !text.starts_with('['));
  if (is_text) return YAML::Node(std::string(text));
  try {
    return YAML::Load(std::string(text));
  } catch (const YAML::Exception&) {
    return YAML::Node(std::string(text));  // the field will say what it expects
  }
}

bool is_entry_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
}

ConfigNode* child_named(ConfigNode& node, std::string_view name) {
  const auto found = std::find_if(node.children.begin(), node.children.end(),
                                  [&](const ConfigNode& child) { return child.name == name; });
  return found == node.children.end() ? nullptr : &*found;
}

void list_paths(const ConfigNode& node, const std::string& path, std::vector<std::string>& paths) {
  for (const ConfigNode& child : node.children) {
    const std::string child_path = join_path(path, child.name);
    paths.push_back(child_path);
    list_paths(child, child_path, paths);
  }
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

/// "unknown key; the nearest is 'max_steps'": a sibling, or with its whole path a key of that name
/// elsewhere.
std::string unknown_key(const ConfigNode& root, const ConfigNode& parent, const std::string& key) {
  std::vector<std::string> siblings;
  for (const ConfigNode& child : parent.children) siblings.push_back(child.name);
  std::string nearest = nearest_name(key, siblings);
  if (nearest.empty() || edit_distance(key, nearest) > 2) {
    std::vector<std::string> paths;
    list_paths(root, "", paths);
    for (const std::string& path : paths) {
      if (path.ends_with("." + key)) nearest = path;
    }
  }
  return nearest.empty() ? "unknown key" : fmt::format("unknown key; the nearest is '{}'", nearest);
}

/// Throws kInvalidArgument for the first line that is not UTF-8.
void require_lines_of_text(std::string_view yaml, const std::string& name) {
  size_t number = 0;
  for (const std::string_view line : split_lines(yaml)) {
    ++number;
    try {
      require_text(line, fmt::format("{}:{}", name, number));
    } catch (const Error& error) {
      fail(ErrorCode::kInvalidArgument, "{}", error.what());
    }
  }
}

/// Walks YAML and nodes side by side.
class Reader {
 public:
  Reader(std::string name, ConfigNode& root, Sources& sources, std::vector<std::string>& faults)
      : name_(std::move(name)), root_(root), sources_(sources), faults_(faults) {}

  void read(const YAML::Node& yaml) { read_block(yaml, root_, "", yaml.Mark()); }

 private:
  std::string where(const YAML::Mark& mark) const {
    return mark.is_null() ? name_ : fmt::format("{}:{}", name_, mark.line + 1);
  }
  void fault(const YAML::Mark& mark, const std::string& path, const std::string& message) {
    faults_.push_back(
        fmt::format("{}: {}{}{}", where(mark), path, path.empty() ? "" : ": ", message));
  }

  void read_block(const YAML::Node& yaml, ConfigNode& node, const std::string& path,
                  const YAML::Mark& mark) {
    if (yaml.IsNull()) return;
    if (!yaml.IsMap()) {
      fault(mark, path, "expected a block of keys, found " + describe(yaml));
      return;
    }
    std::set<std::string> seen;
    for (const auto& item : yaml) {
      const YAML::Mark at = item.first.Mark();
      if (!item.first.IsScalar()) {
        fault(at, path, "expected a key, found " + describe(item.first));
        continue;
      }
      const std::string& key = item.first.Scalar();
      const std::string child_path = join_path(path, key);
      if (!seen.insert(key).second) {
        fault(at, child_path, "is given twice");
      } else if (ConfigNode* child = find_or_add(node, key, child_path, at)) {
        read_child(item.second, *child, child_path, at);
      }
    }
  }

  ConfigNode* find_or_add(ConfigNode& node, const std::string& key, const std::string& path,
                          const YAML::Mark& mark) {
    if (ConfigNode* child = child_named(node, key)) return child;
    if (node.kind != ConfigNode::Kind::kMap) {
      fault(mark, path, unknown_key(root_, node, key));
      return nullptr;
    }
    if (!is_entry_name(key)) {
      fault(mark, path, "expected a name of letters, digits, '_' and '-', found " + quote(key));
      return nullptr;
    }
    node.children.push_back(node.add_entry(key));
    return &node.children.back();
  }

  void read_child(const YAML::Node& yaml, ConfigNode& node, const std::string& path,
                  const YAML::Mark& mark) {
    if (node.kind != ConfigNode::Kind::kField) {
      read_block(yaml, node, path, mark);
      return;
    }
    const std::string expected = parse(yaml, node.slot);
    if (!expected.empty()) {
      fault(mark, path, fmt::format("expected {}, found {}", expected, describe(yaml)));
    }
    sources_[path] = where(mark);
  }

  std::string name_;
  ConfigNode& root_;
  Sources& sources_;
  std::vector<std::string>& faults_;
};

}  // namespace

ConfigFaults::ConfigFaults(std::vector<std::string> lines)
    : Error(ErrorCode::kInvalidArgument, fmt::format("{}", fmt::join(lines, "\n"))),
      lines_(std::move(lines)) {}

std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates) {
  const auto nearest = std::min_element(candidates.begin(), candidates.end(),
                                        [&](const std::string& a, const std::string& b) {
                                          return edit_distance(word, a) < edit_distance(word, b);
                                        });
  if (nearest == candidates.end()) return "";
  // A third of the letters may be wrong, or two of at least three.
  const size_t limit = std::min(word.size() - std::min<size_t>(word.size(), 1),
                                std::max<size_t>(2, word.size() / 3));
  if (edit_distance(word, *nearest) <= limit) return *nearest;
  const auto longer = std::find_if(candidates.begin(), candidates.end(), [&](const auto& name) {
    return word.size() >= 3 && name.starts_with(word);
  });
  return longer == candidates.end() ? "" : *longer;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string nearest = nearest_name(word, candidates);
  return nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest);
}

void ConfigDocument::read_file(const std::filesystem::path& path) {
  read_text(read_text_file(path), path.string());
}

void ConfigDocument::read_text(std::string_view yaml, const std::string& name) {
  file_ = name;
  if (yaml.size() > kMaxTextBytes) {
    fail(ErrorCode::kInvalidArgument, "{}: expected a configuration of at most {} bytes, found {}",
         name, kMaxTextBytes, yaml.size());
  }
  require_lines_of_text(yaml, name);
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(yaml));
    if (documents.size() > 1) {
      faults_.push_back(
          fmt::format("{}: expected one YAML document, found {}", name, documents.size()));
    }
    if (!documents.empty()) Reader(name, root_, sources_, faults_).read(documents.front());
  } catch (const YAML::Exception& error) {
    const std::string line = error.mark.is_null() ? "" : fmt::format(":{}", error.mark.line + 1);
    faults_.push_back(fmt::format("{}{}: expected YAML: {}", name, line, error.msg));
    throw_faults();
  }
}

void ConfigDocument::set(std::string_view assignment, const std::string& source) {
  const size_t equals = assignment.find('=');
  if (equals == 0 || equals == std::string_view::npos) {
    faults_.push_back(source + ": expected KEY=VALUE, found " + quote(assignment));
    return;
  }
  const std::string path(assignment.substr(0, equals));
  ConfigNode* node = &root_;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    const std::string key = path.substr(begin, end - begin);
    ConfigNode* child = child_named(*node, key);
    if (child == nullptr) {
      faults_.push_back(fmt::format("{}: {}: {}", source, path, unknown_key(root_, *node, key)));
      return;
    }
    node = child;
    begin = end + 1;
  }
  if (node->kind != ConfigNode::Kind::kField) {
    faults_.push_back(
        fmt::format("{}: {}: expected a key of this block, found the block", source, path));
    return;
  }
  const std::string text(assignment.substr(equals + 1));
  const std::string expected = parse(value_of(text, node->slot), node->slot);
  if (!expected.empty()) {
    faults_.push_back(
        fmt::format("{}: {}: expected {}, found {}", source, path, expected, quote(text)));
  }
  sources_[path] = source;
}

void ConfigDocument::fill(std::string_view path, std::string_view value,
                          const std::string& source) {
  if (!is_default(path)) return;
  ConfigNode* node = &root_;
  for (size_t begin = 0; node != nullptr && begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    const std::string key(path.substr(begin, end - begin));
    ConfigNode* child = child_named(*node, key);
    if (child == nullptr && node->kind == ConfigNode::Kind::kMap) {
      node->children.push_back(node->add_entry(key));
      child = &node->children.back();
    }
    node = child;
    begin = end + 1;
  }
  BLIP2_CHECK(node != nullptr && node->kind == ConfigNode::Kind::kField);
  BLIP2_CHECK(parse(value_of(value, node->slot), node->slot).empty());
  sources_[std::string(path)] = source;
}

std::string ConfigDocument::source(std::string_view path) const {
  const auto found = sources_.find(path);
  return found == sources_.end() ? "default" : found->second;
}

std::vector<std::string> ConfigDocument::given_paths() const {
  std::vector<std::string> paths;
  list_paths(root_, "", paths);
  std::erase_if(paths, [&](const std::string& path) { return is_default(path); });
  return paths;
}

void ConfigDocument::fault(std::string_view path, const std::string& message) {
  const std::string where = is_default(path) ? file_ : source(path);
  faults_.push_back(fmt::format("{}{}{}: {}", where, where.empty() ? "" : ": ", path, message));
}

std::vector<std::string> ConfigDocument::take_faults() { return std::exchange(faults_, {}); }

void ConfigDocument::add_faults(const std::vector<std::string>& faults) {
  faults_.insert(faults_.end(), faults.begin(), faults.end());
}

void ConfigDocument::throw_faults() {
  if (faults_.empty()) return;
  throw ConfigFaults(std::exchange(faults_, {}));
}

}  // namespace blip2
