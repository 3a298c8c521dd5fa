// The merges of byte-pair encoding: which two neighbours become one, and in which order. A hash
// table with open addresses and the merge loop over it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace blip2 {

/// Merge ranks by pairs of ids. Ids are not negative and fit 32 bits.
class MergeTable {
 public:
  struct Merge {
    uint32_t rank = 0;
    uint32_t merged_id = 0;
  };

  explicit MergeTable(size_t num_merges);

  /// Adds a pair; false if it is there already.
  bool insert(uint32_t left, uint32_t right, Merge merge);
  /// The merge of a pair, or nullptr.
  const Merge* find(uint32_t left, uint32_t right) const;

  /// Merges neighbours in `ids`, always the pair of lowest rank and of those the leftmost, until
  /// none is left. O(n log n) for n ids.
  void apply(std::vector<uint32_t>& ids) const;

 private:
  struct Slot {
    uint64_t pair = kEmpty;
    Merge merge;
  };
  static constexpr uint64_t kEmpty = ~uint64_t{0};

  size_t slot_of(uint64_t pair) const;

  std::vector<Slot> slots_;  // a power of two, at most half full
  int shift_ = 0;
};

}  // namespace blip2
