// Patterns with one '*' matched and filled in.
#include "blip2/checkpoint/rename.h"

#include <algorithm>
#include <utility>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

using Segments = std::vector<std::string_view>;

Segments split(std::string_view name) {
  Segments segments;
  while (true) {
    const size_t dot = name.find('.');
    segments.push_back(name.substr(0, dot));
    if (dot == std::string_view::npos) return segments;
    name.remove_prefix(dot + 1);
  }
}

/// What the wildcards of `pattern` capture in `name`, or nothing if it does not match.
std::optional<Segments> captures(std::string_view pattern, std::string_view name) {
  Segments captured;
  const Segments segments = split(name);
  size_t next = 0;
  for (const std::string_view part : split(pattern)) {
    if (next >= segments.size()) return std::nullopt;
    if (part == "**") {
      // From the first remaining segment to the end of the name, dots included.
      captured.push_back(name.substr(static_cast<size_t>(segments[next].data() - name.data())));
      return captured;
    }
    if (part == "*") {
      captured.push_back(segments[next]);
    } else if (part != segments[next]) {
      return std::nullopt;
    }
    ++next;
  }
  if (next != segments.size()) return std::nullopt;
  return captured;
}

std::string fill(std::string_view pattern, const Segments& captured) {
  std::string name;
  size_t next = 0;
  for (const std::string_view part : split(pattern)) {
    if (!name.empty()) name += '.';
    name += part == "*" || part == "**" ? captured[next++] : part;
  }
  return name;
}

/// The wildcards of a pattern, in order. Throws for a pattern that is not well-formed.
Segments wildcards(std::string_view pattern) {
  Segments found;
  const Segments parts = split(pattern);
  for (size_t i = 0; i < parts.size(); ++i) {
    const bool is_wildcard = parts[i] == "*" || parts[i] == "**";
    if (is_wildcard) found.push_back(parts[i]);
    const char* fault = nullptr;
    if (parts[i].empty()) fault = "has an empty segment";
    if (parts[i] == "**" && i + 1 != parts.size()) fault = "has '**' before its end";
    if (!is_wildcard && parts[i].find('*') != std::string_view::npos) {
      fault = "has a wildcard that is only part of a segment";
    }
    if (fault != nullptr) {
      fail(ErrorCode::kInvalidArgument, "name table: the pattern \"{}\" {}", pattern, fault);
    }
  }
  return found;
}

}  // namespace

NameTable::NameTable(std::vector<RenameRule> rules) : rules_(std::move(rules)) {
  for (const RenameRule& rule : rules_) {
    if (wildcards(rule.ours) != wildcards(rule.theirs)) {
      fail(ErrorCode::kInvalidArgument,
           "name table: \"{}\" and \"{}\" must have the same wildcards in the same order",
           rule.ours, rule.theirs);
    }
  }
}

std::optional<std::string> NameTable::to_theirs(const std::string& ours) const {
  for (const RenameRule& rule : rules_) {
    const std::optional<Segments> captured = captures(rule.ours, ours);
    if (!captured) continue;
    std::string theirs = fill(rule.theirs, *captured);
    const std::optional<std::string> back = to_ours(theirs);
    if (back != ours) {
      fail(ErrorCode::kInvalidArgument,
           "name table: \"{}\" becomes \"{}\", which leads back to \"{}\"", ours, theirs,
           back.value_or("nothing"));
    }
    return theirs;
  }
  return std::nullopt;
}

std::optional<std::string> NameTable::to_ours(const std::string& theirs) const {
  for (const RenameRule& rule : rules_) {
    const std::optional<Segments> captured = captures(rule.theirs, theirs);
    if (captured) return fill(rule.ours, *captured);
  }
  return std::nullopt;
}

bool name_matches(std::string_view pattern, std::string_view name) {
  const Segments segments = split(name);
  // reached[i]: the parts so far can match the first i segments.
  std::vector<bool> reached(segments.size() + 1, false);
  reached[0] = true;
  for (const std::string_view part : split(pattern)) {
    std::vector<bool> next(segments.size() + 1, false);
    if (part == "**") {
      bool any = false;
      for (size_t i = 0; i <= segments.size(); ++i) next[i] = any = any || reached[i];
    } else {
      for (size_t i = 0; i < segments.size(); ++i) {
        next[i + 1] = reached[i] && (part == "*" || part == segments[i]);
      }
    }
    reached = std::move(next);
  }
  return reached.back();
}

}  // namespace blip2
