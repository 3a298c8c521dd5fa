// A tiny check that markup is well-formed XML: tags nest, attributes are quoted and unique, and
// only known entities occur. It reads; it builds nothing.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace blip2 {

struct MarkupCheck {
  std::string error;                    ///< empty if well-formed
  std::map<std::string, int> elements;  ///< how often each element occurs
  std::vector<std::string> references;  ///< values of href, src and such
};

inline bool entities_are_known(std::string_view text) {
  for (size_t place = text.find('&'); place != text.npos; place = text.find('&', place + 1)) {
    bool known = false;
    for (const std::string_view entity : {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"}) {
      known = known || text.substr(place).starts_with(entity);
    }
    if (!known) return false;
  }
  return true;
}

/// Checks one tag's inside, without < and >; gives its name in `name`.
inline std::string check_tag(std::string_view inside, std::string& name, MarkupCheck& check) {
  size_t place = inside.find_first_of(" \n/");
  name = inside.substr(0, place);
  std::set<std::string> seen;
  while (place < inside.size()) {
    place = inside.find_first_not_of(" \n", place);
    if (place == inside.npos || inside.substr(place) == "/") break;
    const size_t equals = inside.find("=\"", place);
    if (equals == inside.npos) return "attribute without a quoted value in <" + std::string(inside);
    const size_t end = inside.find('"', equals + 2);
    if (end == inside.npos) return "open attribute in <" + std::string(inside);
    const std::string attribute(inside.substr(place, equals - place));
    const std::string value(inside.substr(equals + 2, end - equals - 2));
    if (attribute.find_first_of(" \n<>\"") != attribute.npos) return "bad attribute " + attribute;
    if (!seen.insert(attribute).second) return "attribute twice: " + attribute;
    if (!entities_are_known(value)) return "bad entity in " + attribute;
    if (attribute == "href" || attribute == "src" || attribute == "xlink:href") {
      check.references.push_back(value);
    }
    place = end + 1;
  }
  return "";
}

inline MarkupCheck check_markup(std::string_view markup) {
  MarkupCheck check;
  std::vector<std::string> open;
  size_t place = 0;
  while (place < markup.size()) {
    const size_t start = std::min(markup.find('<', place), markup.size());
    if (!entities_are_known(markup.substr(place, start - place))) {
      check.error = "bad entity near " + std::string(markup.substr(place, 60));
      return check;
    }
    if (start == markup.size()) break;
    // A quoted attribute may not hold <; a > inside quotes is skipped.
    bool quoted = false;
    size_t end = start + 1;
    for (; end < markup.size() && (quoted || markup[end] != '>'); ++end) {
      if (markup[end] == '"') quoted = !quoted;
      if (markup[end] == '<') check.error = "< inside a tag";
    }
    const std::string_view inside = markup.substr(start + 1, end - start - 1);
    if (end >= markup.size()) check.error = "open tag at the end";
    if (inside.starts_with('/')) {
      if (open.empty() || open.back() != inside.substr(1)) {
        check.error = "unexpected </" + std::string(inside.substr(1)) + ">";
      } else {
        open.pop_back();
      }
    } else {
      std::string name;
      const std::string error = check_tag(inside, name, check);
      if (!error.empty()) check.error = error;
      ++check.elements[name];
      if (!inside.ends_with('/')) open.push_back(name);
    }
    if (!check.error.empty()) return check;
    place = end + 1;
  }
  if (!open.empty()) check.error = "not closed: " + open.back();
  return check;
}

}  // namespace blip2
