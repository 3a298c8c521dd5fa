// A set of named tensors in some file: what every weight format looks like to the rest of the
// program. It knows bytes and shapes, not what a tensor is for.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace blip2 {

/// What a source says of a tensor without reading it. `dtype` is what read() will give: float32
/// where the storage is quantised.
struct TensorInfo {
  std::string name;
  at::ScalarType dtype = at::kFloat;
  std::vector<int64_t> shape;
};

/// A tensor with its name.
struct StoredTensor {
  std::string name;
  at::Tensor tensor;
};

/// Named tensors in storage. All methods are const and may be called by several threads.
class TensorSource {
 public:
  virtual ~TensorSource() = default;

  /// All tensors, sorted by name.
  virtual const std::vector<TensorInfo>& infos() const = 0;
  virtual bool has(const std::string& name) const = 0;
  /// The tensor, contiguous, on the CPU. Where alignment and layout allow it is a view of the
  /// mapped file, which outlives the source and **must not be written to**; clone() it to train it.
  /// Throws kNotFound for an unknown name, kUnsupported for a tensor that the storage has in a form
  /// which is not read (infos() and has() do not know it).
  virtual at::Tensor read(const std::string& name) const = 0;
  /// Where the tensors are (a path), for messages.
  virtual std::string describe() const = 0;
};

/// What a source says of a tensor by name, or nullptr. Valid as long as the source.
const TensorInfo* find_info(const TensorSource& source, const std::string& name);

/// A source over tensors in memory. Throws kInvalidArgument if a name occurs twice.
std::unique_ptr<TensorSource> make_memory_source(std::string description,
                                                 std::vector<StoredTensor> tensors);

}  // namespace blip2
