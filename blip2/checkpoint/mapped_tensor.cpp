// Tensors over mapped bytes.
#include "blip2/checkpoint/mapped_tensor.h"

#include <ATen/ops/as_strided.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/ne.h>

#include <algorithm>
#include <cstring>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

/// Elements from the first to the last that the layout touches; it has at least one element.
int64_t span_elements(const MappedLayout& layout) {
  int64_t last = 0;
  for (size_t i = 0; i < layout.shape.size(); ++i) {
    last += (layout.shape[i] - 1) * layout.strides[i];
  }
  return last + 1;
}

std::vector<int64_t> row_major_strides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

}  // namespace

std::optional<int64_t> count_elements(const std::vector<int64_t>& shape) {
  if (shape.size() > kMaxDimensions) return std::nullopt;
  // Zero dimensions count as one here: strides are products over the others and must fit, too.
  int64_t product = 16;
  bool is_empty = false;
  for (const int64_t size : shape) {
    if (size < 0) return std::nullopt;
    is_empty = is_empty || size == 0;
    if (__builtin_mul_overflow(product, std::max<int64_t>(size, 1), &product)) return std::nullopt;
  }
  return is_empty ? 0 : product / 16;
}

at::Tensor map_tensor(const std::shared_ptr<const MappedFile>& file, const MappedLayout& layout) {
  const auto options = at::TensorOptions().dtype(layout.dtype);
  const std::optional<int64_t> num_elements = count_elements(layout.shape);
  BLIP2_CHECK(num_elements.has_value());
  if (*num_elements == 0) return at::empty(layout.shape, options);

  MappedLayout strided = layout;
  if (strided.strides.empty()) strided.strides = row_major_strides(layout.shape);
  const int64_t span = span_elements(strided);
  const size_t element_bytes = c10::elementSize(layout.dtype);
  const size_t span_bytes = static_cast<size_t>(span) * element_bytes;
  BLIP2_CHECK(layout.offset_bytes <= file->bytes().size() &&
              span_bytes <= file->bytes().size() - layout.offset_bytes);
  const std::byte* data = file->bytes().data() + layout.offset_bytes;

  if (layout.dtype == at::kBool) {
    const at::Tensor bytes = at::empty({span}, at::TensorOptions().dtype(at::kByte));
    std::memcpy(bytes.mutable_data_ptr(), data, span_bytes);
    return at::as_strided(bytes.ne(0), strided.shape, strided.strides);
  }
  if (reinterpret_cast<uintptr_t>(data) % element_bytes != 0) {
    const at::Tensor copy = at::empty({span}, options);
    std::memcpy(copy.mutable_data_ptr(), data, span_bytes);
    return at::as_strided(copy, strided.shape, strided.strides);
  }
  // The deleter holds the map; from_blob wants a pointer that is not const.
  void* address = const_cast<std::byte*>(data);
  return at::from_blob(address, strided.shape, strided.strides, [file](void*) {}, options);
}

}  // namespace blip2
