// Rows that are made in another order than the one in which they are printed.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "blip2/tasks/row.h"

namespace blip2 {

/// Holds rows back until those of all places before them are there.
class RowOrder {
 public:
  /// The rows of a place, from 0, each of which is put once.
  void put(size_t place, std::vector<Row> rows) { waiting_[place] = std::move(rows); }
  /// The rows whose turn has come.
  std::vector<Row> take() {
    std::vector<Row> rows;
    for (auto first = waiting_.begin(); first != waiting_.end() && first->first == next_; ++next_) {
      rows.insert(rows.end(), first->second.begin(), first->second.end());
      first = waiting_.erase(first);
    }
    return rows;
  }

 private:
  std::map<size_t, std::vector<Row>> waiting_;
  size_t next_ = 0;
};

}  // namespace blip2
