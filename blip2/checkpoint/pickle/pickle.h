// What a pickle holds once it is read: plain values, and descriptions of storages and tensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace blip2 {

/// An index into Pickle::values. Values refer to each other by index because pickles may share them
/// and may hold cycles.
using PickleRef = uint32_t;

struct PickleNone {};  ///< None, and plain values of no use here: integers over 64 bits

struct PickleSequence {  ///< a list, tuple or set
  std::vector<PickleRef> items;
};

struct PickleDictionary {
  std::vector<std::pair<PickleRef, PickleRef>> items;
};

/// A global outside the list, or what such a global would have made of its arguments.
struct PickleOpaque {
  uint32_t global = 0;  ///< index into Pickle::globals
};

/// The meaning of a global on the list.
enum class PickleGlobalKind {
  kDictionary,
  kSequence,
  kText,             ///< torch.device and _codecs.encode: their first argument
  kDtype,            ///< torch.float32 and so on
  kStorage,          ///< torch.FloatStorage and so on
  kRebuildTensor,    ///< dtype of the storage
  kRebuildTensorV3,  ///< dtype as an argument
  kRebuildParameter,
  kRebuildFromType,  ///< a tensor or parameter with attributes
};

struct PickleGlobal {
  PickleGlobalKind kind = PickleGlobalKind::kSequence;
  at::ScalarType dtype = at::kByte;  ///< of kDtype and kStorage
};

/// A storage, or a view of one: a run of its elements (only in files of torch before 0.4).
struct PickleStorage {
  std::string_view key;
  at::ScalarType dtype = at::kByte;
  int64_t num_elements = 0;  ///< of the whole storage
  int64_t view_offset = 0;   ///< elements
  int64_t view_elements = 0;
};

struct PickleTensor {
  PickleStorage storage;
  at::ScalarType dtype = at::kFloat;
  int64_t offset = 0;  ///< elements, from the start of the storage's view
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  ///< elements
};

/// Texts are views of the pickle's bytes.
using PickleValue =
    std::variant<PickleNone, bool, int64_t, double, std::string_view, PickleSequence,
                 PickleDictionary, PickleOpaque, PickleGlobal, PickleStorage, PickleTensor>;

struct Pickle {
  std::vector<PickleValue> values;
  PickleRef root = 0;
  size_t size_bytes = 0;             ///< of the pickle: another may follow
  std::vector<std::string> globals;  ///< "module.name" of those outside the list

  const PickleValue& at(PickleRef ref) const { return values[ref]; }
};

}  // namespace blip2
