// A hash table of pairs, and the merging loop over a word.
#include "blip2/text/merge_table.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <tuple>
#include <utility>
#include <vector>

namespace blip2 {
namespace {

uint64_t key(uint32_t left, uint32_t right) { return uint64_t{left} << 32 | right; }

constexpr size_t kNone = ~size_t{0};

/// One id of a word, in a list that merging shortens. A swallowed one has `alive` false.
struct Symbol {
  uint32_t id;
  size_t previous, next;
  bool alive = true;
};

struct Candidate {
  uint32_t rank;
  size_t position;  // of the left symbol
  uint32_t merged_id;
  bool operator>(const Candidate& other) const {
    return std::tie(rank, position) > std::tie(other.rank, other.position);
  }
};

}  // namespace

MergeTable::MergeTable(size_t num_merges) {
  const size_t size = std::bit_ceil(std::max<size_t>(16, 2 * num_merges + 1));
  slots_.resize(size);
  shift_ = 64 - std::countr_zero(size);
}

size_t MergeTable::slot_of(uint64_t pair) const {
  size_t slot =
      (pair * 0x9e3779b97f4a7c15u) >> shift_;  // Fibonacci hashing: the upper bits are mixed
  while (slots_[slot].pair != pair && slots_[slot].pair != kEmpty) {
    slot = (slot + 1) & (slots_.size() - 1);
  }
  return slot;
}

bool MergeTable::insert(uint32_t left, uint32_t right, Merge merge) {
  Slot& slot = slots_[slot_of(key(left, right))];
  if (slot.pair != kEmpty) return false;
  slot = {key(left, right), merge};
  return true;
}

const MergeTable::Merge* MergeTable::find(uint32_t left, uint32_t right) const {
  const Slot& slot = slots_[slot_of(key(left, right))];
  return slot.pair == kEmpty ? nullptr : &slot.merge;
}

void MergeTable::apply(std::vector<uint32_t>& ids) const {
  if (ids.size() < 2) return;
  std::vector<Symbol> symbols(ids.size());
  std::vector<Candidate> storage;
  storage.reserve(ids.size());
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue({},
                                                                               std::move(storage));
  const auto consider = [&](size_t left) {
    if (left == kNone || symbols[left].next == kNone) return;
    const Merge* merge = find(symbols[left].id, symbols[symbols[left].next].id);
    if (merge) queue.push({merge->rank, left, merge->merged_id});
  };
  for (size_t i = 0; i < ids.size(); ++i) {
    symbols[i] = {ids[i], i == 0 ? kNone : i - 1, i + 1 == ids.size() ? kNone : i + 1};
  }
  for (size_t i = 0; i < ids.size(); ++i) consider(i);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = symbols[best.position];
    if (!left.alive || left.next == kNone) continue;
    Symbol& right = symbols[left.next];
    const Merge* merge = find(left.id, right.id);
    if (!merge || merge->merged_id != best.merged_id) continue;  // a neighbour has changed since
    left.id = merge->merged_id;
    right.alive = false;
    left.next = right.next;
    if (left.next != kNone) symbols[left.next].previous = best.position;
    consider(left.previous);
    consider(best.position);
  }
  ids.clear();
  for (size_t i = 0; i != kNone; i = symbols[i].next) ids.push_back(symbols[i].id);
}

}  // namespace blip2
