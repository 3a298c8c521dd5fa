// Writing configuration nodes as YAML, and checking their limits. Reading is in config.cpp.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "blip2/base/config.h"

namespace blip2 {
namespace {

bool is_reserved(std::string text) {
  static const std::vector<std::string> kWords = {"null", "true", "false", "yes", "no",
                                                  "on",   "off",  "y",     "n"};
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kWords.begin(), kWords.end(), text) != kWords.end();
}

/// Plain where every YAML reader takes it for a text, else in double quotes.
std::string to_yaml(const std::string& text) {
  const auto plain_character = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '/' || c == '-' || c == '.';
  };
  const bool plain = !text.empty() && !is_reserved(text) &&
                     (std::isalpha(static_cast<unsigned char>(text[0])) != 0 || text[0] == '/') &&
                     std::all_of(text.begin(), text.end(), plain_character);
  if (plain) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') quoted += '\\';
    if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\x{:02x}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string to_yaml(bool value) { return value ? "true" : "false"; }
std::string to_yaml(int64_t value) { return fmt::format("{}", value); }

std::string to_yaml(double value) {
  std::string text = fmt::format("{}", value);
  const size_t exponent = text.find('e');
  // YAML 1.1 readers take "1e-05" for a text: they want the point.
  if (exponent != std::string::npos && text.find('.') == std::string::npos) {
    text.insert(exponent, ".0");
  }
  return text;
}

std::string to_yaml(const std::vector<std::string>& values) {
  std::vector<std::string> texts;
  for (const std::string& value : values) texts.push_back(to_yaml(value));
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

template <typename T>
std::string to_yaml(const std::optional<T>& value) {
  return value ? to_yaml(*value) : "null";
}

std::string to_yaml(const ConfigSlot& slot) {
  return std::visit(
      [](auto target) -> std::string {
        if constexpr (std::is_same_v<decltype(target), std::monostate>) {
          return "null";
        } else {
          return to_yaml(*target);
        }
      },
      slot);
}

std::string broken_limit(int64_t value, const Limit& limit) {
  return admits(limit, static_cast<double>(value)) ? "" : limit_text(limit, "an integer");
}
std::string broken_limit(double value, const Limit& limit) {
  return admits(limit, value) ? "" : limit_text(limit, "a number");
}
std::string broken_limit(const std::string& value, const Limit& limit) {
  return admits(limit, value) ? "" : choices_text(limit);
}
std::string broken_limit(bool, const Limit&) { return ""; }
std::string broken_limit(const std::vector<std::string>& values, const Limit& limit) {
  const bool are_choices = std::all_of(
      values.begin(), values.end(), [&](const std::string& value) { return admits(limit, value); });
  return are_choices ? "" : choices_text(limit);
}
template <typename T>
std::string broken_limit(const std::optional<T>& value, const Limit& limit) {
  return value ? broken_limit(*value, limit) : "";
}

/// What the limit expects, or "" where the value keeps it.
std::string broken_limit(const ConfigNode& node) {
  return std::visit(
      [&](auto target) -> std::string {
        if constexpr (std::is_same_v<decltype(target), std::monostate>) {
          return "";
        } else {
          return broken_limit(*target, node.limit);
        }
      },
      node.slot);
}

}  // namespace

void ConfigDocument::check_limits(const ConfigNode& node, const std::string& path) {
  for (const ConfigNode& child : node.children) {
    const std::string child_path = path.empty() ? child.name : path + "." + child.name;
    check_limits(child, child_path);
    const std::string expected = broken_limit(child);
    if (!expected.empty()) {
      fault(child_path, fmt::format("expected {}, found {}", expected, blip2::to_yaml(child.slot)));
    }
  }
}

void ConfigDocument::check() {
  check_limits(root_, "");
  throw_faults();
}

std::string ConfigDocument::to_yaml(bool with_sources) const {
  std::string yaml;
  const auto write = [&](const auto& self, const ConfigNode& node, const std::string& path,
                         size_t depth) -> void {
    for (const ConfigNode& child : node.children) {
      const std::string child_path = path.empty() ? child.name : path + "." + child.name;
      std::string line = fmt::format("{:{}}{}:", "", 2 * depth, child.name);
      if (child.kind == ConfigNode::Kind::kField) {
        line += " " + blip2::to_yaml(child.slot);
        if (with_sources) line = fmt::format("{:<44}  # {}", line, source(child_path));
      } else if (child.children.empty()) {
        line += " {}";
      }
      yaml += line + "\n";
      self(self, child, child_path, depth + 1);
    }
  };
  write(write, root_, "", 0);
  return yaml;
}

}  // namespace blip2
