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

/// The values that a limit speaks of.
struct Checked {
  std::optional<double> number;
  std::vector<std::string> texts;
};

Checked checked_values(const ConfigSlot& slot) {
  Checked checked;
  const auto add = [&](const auto& value) {
    using T = std::decay_t<decltype(value)>;
    if constexpr (std::is_same_v<T, std::string>) checked.texts.push_back(value);
    if constexpr (std::is_same_v<T, std::vector<std::string>>) checked.texts = value;
    if constexpr (std::is_same_v<T, int64_t> || std::is_same_v<T, double>) {
      checked.number = static_cast<double>(value);
    }
  };
  std::visit(
      [&](auto target) {
        if constexpr (!std::is_same_v<decltype(target), std::monostate>) {
          if constexpr (requires { target->has_value(); }) {
            if (target->has_value()) add(**target);
          } else {
            add(*target);
          }
        }
      },
      slot);
  return checked;
}

/// What the limit expects, or "" where the value keeps it.
std::string broken_limit(const ConfigNode& node) {
  const Limit& limit = node.limit;
  const Checked checked = checked_values(node.slot);
  for (const std::string& text : checked.texts) {
    if (limit.choices.empty() ||
        std::find(limit.choices.begin(), limit.choices.end(), text) != limit.choices.end()) {
      continue;
    }
    return fmt::format("one of {}", fmt::join(limit.choices, ", "));
  }
  if (!checked.number) return "";
  const double number = *checked.number;
  const bool low_kept = limit.above_low ? number > limit.low : number >= limit.low;
  if (low_kept && number <= limit.high) return "";  // false for NaN
  if (std::isinf(limit.high)) {
    return fmt::format("{} {}", limit.above_low ? "more than" : "at least", limit.low);
  }
  return fmt::format("a value from {} to {}", limit.low, limit.high);
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
