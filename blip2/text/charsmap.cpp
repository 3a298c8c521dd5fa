// SentencePiece's precompiled normalisation: a double-array trie and its replacements.
#include "blip2/text/charsmap.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/utf8.h"
#include "blip2/text/graphemes.h"

namespace blip2 {
namespace {

constexpr size_t kWholeClusterBytes = 6;  // a shorter cluster is looked up as a whole

uint32_t little_endian(std::string_view bytes, size_t position) {
  uint32_t value = 0;
  for (size_t i = 4; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[position + i]);
  return value;
}

/// The fields of a unit, which is a node of the trie or, behind a node with a leaf, a value.
bool has_leaf(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t value_of(uint32_t unit) { return unit & 0x7fffffff; }
uint32_t label_of(uint32_t unit) { return unit & 0x800000ff; }
size_t offset_of(uint32_t unit) { return size_t{unit >> 10} << ((unit & 0x200) >> 6); }

}  // namespace

Charsmap::Charsmap(std::string bytes, const std::string& source) : bytes_(std::move(bytes)) {
  const uint32_t trie_bytes = bytes_.size() < 4 ? 0 : little_endian(bytes_, 0);
  if (trie_bytes < 4 || trie_bytes % 4 != 0 || trie_bytes > bytes_.size() - 4) {
    fail(ErrorCode::kCorruptData,
         "{}: charsmap: expected a trie of 1 or more units of 4 bytes within {} bytes, found a "
         "length of {}",
         source, bytes_.size(), trie_bytes);
  }
  for (size_t i = 0; i < trie_bytes; i += 4) units_.push_back(little_endian(bytes_, 4 + i));
  const std::string_view texts = replacements();
  if (!is_valid_utf8(texts) || !(texts.empty() || texts.ends_with('\0'))) {
    fail(ErrorCode::kCorruptData,
         "{}: charsmap: expected replacements in UTF-8, each ended by a NUL, found other bytes",
         source);
  }
  check_trie(source);
}

/// Walks the trie from its root, every node once. Nodes may be shared, but a cycle would be a text
/// without end.
void Charsmap::check_trie(const std::string& source) const {
  enum class State : uint8_t { kUnseen, kOpen, kDone };
  std::vector<State> states(units_.size(), State::kUnseen);
  struct Step {
    size_t node;
    uint32_t label;  // the next one to look at
  };
  std::vector<Step> path{{0, 1}};
  states[0] = State::kOpen;
  check_node(0, source);
  while (!path.empty()) {
    Step& step = path.back();
    if (step.label > 0xff) {
      states[step.node] = State::kDone;
      path.pop_back();
      continue;
    }
    const uint32_t label = step.label++;
    const size_t child = step.node ^ offset_of(units_[step.node]) ^ label;
    if (child >= units_.size() || label_of(units_[child]) != label) continue;
    if (states[child] == State::kOpen) {
      fail(ErrorCode::kCorruptData, "{}: charsmap: expected a trie, found a cycle at unit {}",
           source, child);
    }
    if (states[child] == State::kDone) continue;
    states[child] = State::kOpen;
    check_node(child, source);
    path.push_back({child, 1});
  }
}

/// Checks what one node says of its children and of its value.
void Charsmap::check_node(size_t node, const std::string& source) const {
  const size_t base = node ^ offset_of(units_[node]);
  if (base >= units_.size()) {
    fail(ErrorCode::kCorruptData,
         "{}: charsmap: unit {}: expected children within {} units, found them at {}", source, node,
         units_.size(), base);
  }
  if (node == 0 || !has_leaf(units_[node])) return;
  const uint32_t value = value_of(units_[base]);
  const std::string_view texts = replacements();
  if (value >= texts.size() || is_utf8_continuation(texts[value])) {
    fail(ErrorCode::kCorruptData,
         "{}: charsmap: unit {}: expected a replacement within {} bytes, found one at {}", source,
         node, texts.size(), value);
  }
}

std::optional<std::string_view> Charsmap::find(std::string_view text) const {
  size_t base = offset_of(units_[0]);
  for (const char byte : text) {
    const auto label = static_cast<uint8_t>(byte);
    const size_t node = base ^ label;
    if (label == 0 || node >= units_.size() || label_of(units_[node]) != label) break;
    base = node ^ offset_of(units_[node]);
    if (!has_leaf(units_[node])) continue;
    const std::string_view rest = replacements().substr(value_of(units_[base]));
    return rest.substr(0, rest.find('\0'));
  }
  return std::nullopt;
}

std::string Charsmap::normalize(std::string_view text) const {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (size_t start = 0; start < text.size();) {
    const size_t end = end_of_grapheme(text, start);
    const std::string_view cluster = text.substr(start, end - start);
    start = end;
    if (cluster.size() < kWholeClusterBytes) {
      if (const auto replacement = find(cluster)) {
        out += *replacement;
        continue;
      }
    }
    for (size_t position = 0; position < cluster.size();) {
      const size_t first = position;
      next_code_point(cluster, position);
      const std::string_view character = cluster.substr(first, position - first);
      out += find(character).value_or(character);
    }
  }
  return out;
}

}  // namespace blip2
