// A trie in a hash table, and the best segmentation by dynamic programming.
#include "blip2/text/unigram.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/base/utf8.h"
#include "blip2/text/text_decoder.h"

namespace blip2 {
namespace {

/// How far the score of an unknown character is below the lowest piece's.
constexpr double kUnknownPenalty = 10;

size_t count_bytes(const std::vector<std::string>& pieces) {
  return std::accumulate(pieces.begin(), pieces.end(), size_t{0},
                         [](size_t sum, const std::string& piece) { return sum + piece.size(); });
}

}  // namespace

Unigram::Unigram(UnigramParts parts, const std::vector<std::string>& pieces,
                 const std::string& source)
    : parts_(std::move(parts)), children_(count_bytes(pieces)), node_ids_{-1} {
  if (parts_.scores.size() != pieces.size()) {
    fail(ErrorCode::kCorruptData, "{}: Unigram: expected a score for each of {} pieces, found {}",
         source, pieces.size(), parts_.scores.size());
  }
  if (parts_.unknown_id >= static_cast<int64_t>(pieces.size())) {
    fail(ErrorCode::kCorruptData, "{}: Unigram: unk_id: expected an id below {}, found {}", source,
         pieces.size(), parts_.unknown_id);
  }
  double lowest = std::numeric_limits<double>::infinity();
  for (size_t id = 0; id < pieces.size(); ++id) {
    if (!std::isfinite(parts_.scores[id])) {
      fail(ErrorCode::kCorruptData, "{}: Unigram: piece {}: expected a finite score, found {}",
           source, id, parts_.scores[id]);
    }
    lowest = std::min(lowest, parts_.scores[id]);
    if (!pieces[id].empty()) add_to_trie(pieces[id], static_cast<int64_t>(id));
  }
  unknown_score_ = lowest - kUnknownPenalty;
  for (size_t byte = 0; byte < byte_ids_.size(); ++byte) {
    byte_ids_[byte] = find(byte_piece(static_cast<uint8_t>(byte)));
  }
}

void Unigram::add_to_trie(std::string_view piece, int64_t id) {
  uint32_t node = 0;
  for (const char byte : piece) {
    const auto label = static_cast<uint8_t>(byte);
    if (const MergeTable::Merge* child = children_.find(node, label)) {
      node = child->merged_id;
      continue;
    }
    const auto fresh = static_cast<uint32_t>(node_ids_.size());
    node_ids_.push_back(-1);
    children_.insert(node, label, {0, fresh});
    node = fresh;
  }
  node_ids_[node] = id;
}

int64_t Unigram::find(std::string_view piece) const {
  uint32_t node = 0;
  for (const char byte : piece) {
    const MergeTable::Merge* child = children_.find(node, static_cast<uint8_t>(byte));
    if (!child) return -1;
    node = child->merged_id;
  }
  return node_ids_[node];
}

/// Offers every piece that starts at `start` to the paths that end where it ends.
void Unigram::extend_paths(std::string_view word, size_t start, std::vector<Node>& best) const {
  const double before = best[start].score;
  const auto offer = [&](size_t stop, double score, int64_t id) {
    Node& node = best[stop];
    if (node.start == kNone || score > node.score) node = {score, start, id};
  };
  size_t next = start;
  next_code_point(word, next);
  bool has_character = false;
  uint32_t trie_node = 0;
  for (size_t stop = start; stop < word.size();) {
    const MergeTable::Merge* child = children_.find(trie_node, static_cast<uint8_t>(word[stop]));
    if (!child) break;
    trie_node = child->merged_id;
    ++stop;
    const int64_t id = node_ids_[trie_node];
    if (id < 0) continue;
    offer(stop, parts_.scores[static_cast<size_t>(id)] + before, id);
    has_character = has_character || stop == next;
  }
  if (has_character) return;
  if (parts_.unknown_id < 0) {
    fail(ErrorCode::kInvalidArgument,
         "{}: expected characters that have a piece, as there is no "
         "unk_id",
         quote(word));
  }
  offer(next, unknown_score_ + before, parts_.unknown_id);
}

void Unigram::encode(std::string_view word, std::vector<int64_t>& ids) const {
  std::vector<Node> best(word.size() + 1);
  for (size_t start = 0; start < word.size(); next_code_point(word, start)) {
    extend_paths(word, start, best);
  }
  std::vector<size_t> ends;  // of the best way's pieces, from the last to the first
  for (size_t stop = word.size(); stop > 0; stop = best[stop].start) ends.push_back(stop);
  for (auto end = ends.rbegin(); end != ends.rend(); ++end) {
    const Node& node = best[*end];
    if (node.id != parts_.unknown_id) {
      ids.push_back(node.id);
      continue;
    }
    while (end + 1 != ends.rend() && best[*(end + 1)].id == parts_.unknown_id) ++end;
    append_unknown(word.substr(node.start, *end - node.start), ids);
  }
}

void Unigram::append_unknown(std::string_view text, std::vector<int64_t>& ids) const {
  if (const int64_t id = find(text); id >= 0) {
    ids.push_back(id);
    return;
  }
  const bool spelt =
      parts_.byte_fallback && std::all_of(text.begin(), text.end(), [this](char byte) {
        return byte_ids_[static_cast<uint8_t>(byte)] >= 0;
      });
  if (!spelt) {
    ids.push_back(parts_.unknown_id);
    return;
  }
  for (const char byte : text) ids.push_back(byte_ids_[static_cast<uint8_t>(byte)]);
}

}  // namespace blip2
