// Rows that share a source, as stretches.
#include "blip2/nn/row_groups.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_unique.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <vector>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

at::Tensor index_of(const std::vector<int64_t>& values, const at::Tensor& like) {
  return at::tensor(at::ArrayRef<int64_t>(values), at::kLong).to(like.device());
}

}  // namespace

RowGroups::RowGroups(int64_t num_rows, int64_t num_sources, at::Device device)
    : num_sources_(num_sources) {
  BLIP2_CHECK(num_sources > 0 && num_rows > 0 && num_rows % num_sources == 0);
  sources_ = at::arange(num_rows, at::TensorOptions(at::kLong).device(device))
                 .floor_divide(num_rows / num_sources);
}

at::Tensor RowGroups::select(const at::Tensor& rows) {
  sources_ = at::index_select(sources_, 0, rows);
  auto [used, renumbered] = at::_unique(sources_, true, true);
  const bool all_left = used.size(0) == num_sources_;
  num_sources_ = used.size(0);
  sources_ = renumbered;
  lay_out();
  return all_left ? at::Tensor() : used;
}

void RowGroups::lay_out() {
  const at::Tensor on_host = sources_.to(at::kCPU).contiguous();
  const int64_t* source_of = on_host.const_data_ptr<int64_t>();
  std::vector<std::vector<int64_t>> groups(static_cast<size_t>(num_sources_));
  std::vector<int64_t> rank;  // of each row among those of its source
  size_t largest = 0;
  for (int64_t row = 0; row < on_host.size(0); ++row) {
    std::vector<int64_t>& group = groups[static_cast<size_t>(source_of[row])];
    rank.push_back(static_cast<int64_t>(group.size()));
    group.push_back(row);
    largest = std::max(largest, group.size());
  }
  std::vector<int64_t> slots, places;
  bool in_order = true;
  for (const std::vector<int64_t>& group : groups) {
    for (size_t i = 0; i < largest; ++i) {  // a slot that is left over repeats a row
      const int64_t row = group[std::min(i, group.size() - 1)];
      in_order = in_order && row == static_cast<int64_t>(slots.size());
      slots.push_back(row);
    }
  }
  for (int64_t row = 0; row < on_host.size(0); ++row) {
    places.push_back(source_of[row] * static_cast<int64_t>(largest) +
                     rank[static_cast<size_t>(row)]);
  }
  slots_ = in_order ? at::Tensor() : index_of(slots, sources_);
  places_ = in_order ? at::Tensor() : index_of(places, sources_);
}

at::Tensor RowGroups::to_groups(const at::Tensor& x) const {
  BLIP2_CHECK(x.size(0) == num_rows());
  std::vector<int64_t> shape = x.sizes().vec();
  shape.insert(shape.begin(), num_sources_);
  shape[1] = -1;
  return (slots_.defined() ? at::index_select(x, 0, slots_) : x).reshape(shape);
}

at::Tensor RowGroups::to_rows(const at::Tensor& grouped) const {
  BLIP2_CHECK(grouped.dim() >= 2 && grouped.size(0) == num_sources_);
  const at::Tensor slotted = grouped.flatten(0, 1);
  return places_.defined() ? at::index_select(slotted, 0, places_) : slotted;
}

at::Tensor RowGroups::repeat(const at::Tensor& sources) const {
  BLIP2_CHECK(sources.size(0) == num_sources_);
  return at::index_select(sources, 0, sources_);
}

}  // namespace blip2
