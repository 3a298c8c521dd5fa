// Rows of a decoder that attend to the same keys: those of a picture, or of a prompt. The rows of
// one source are the queries of one attention, so that no key is repeated for them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace blip2 {

/// N rows and the B sources that they attend to, each row to one; every source has a row.
class RowGroups {
 public:
  RowGroups() = default;
  /// N / B rows of each source, one after another.
  RowGroups(int64_t num_rows, int64_t num_sources, at::Device device);

  int64_t num_sources() const { return num_sources_; }
  int64_t num_rows() const { return sources_.size(0); }

  /// Row i becomes what row rows[i] was ([M] int64). Returns the sources that are left, by their
  /// old places, or nothing (an undefined tensor) if all are.
  at::Tensor select(const at::Tensor& rows);

  /// x [N, ...] -> [B, G, ...]: G rows of each source, as many as the source with the most has.
  /// Sources with fewer repeat one of theirs.
  at::Tensor to_groups(const at::Tensor& x) const;
  /// The way back: [B, G, ...] -> [N, ...].
  at::Tensor to_rows(const at::Tensor& grouped) const;

  /// What each row looks at, given what there is of each source: [B, ...] -> [N, ...].
  at::Tensor repeat(const at::Tensor& sources) const;

 private:
  /// Finds slots_ and places_.
  void lay_out();

  int64_t num_sources_ = 0;  // B
  at::Tensor sources_;       // [N] int64: the source of each row
  at::Tensor slots_;         // [B*G] int64: the row in each slot; undefined where rows are in order
  at::Tensor places_;        // [N] int64: the slot of each row
};

}  // namespace blip2
