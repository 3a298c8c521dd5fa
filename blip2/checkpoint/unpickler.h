// A restricted unpickler: the part of pickle protocol 2 that torch.save uses for tensors,
// dictionaries, lists, numbers and texts. It calls nothing: globals outside its list are an error,
// and those on it only name what is built here. Storages and tensors come out as descriptions;
// torch_archive.h finds their bytes.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <span>
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

/// What a global on the list stands for.
enum class PickleGlobalKind {
  kDictionary,
  kSequence,
  kText,             ///< torch.device and _codecs.encode: their first argument
  kDtype,            ///< torch.float32 and so on
  kStorage,          ///< torch.FloatStorage and so on
  kRebuildTensor,    ///< dtype of the storage
  kRebuildTensorV3,  ///< dtype as an argument
  kRebuildParameter,
};

struct PickleGlobal {
  PickleGlobalKind kind = PickleGlobalKind::kSequence;
  at::ScalarType dtype = at::kByte;  ///< of kDtype and kStorage
};

struct PickleStorage {
  std::string_view key;
  at::ScalarType dtype = at::kByte;
  int64_t num_elements = 0;
};

struct PickleTensor {
  PickleStorage storage;
  at::ScalarType dtype = at::kFloat;
  int64_t offset = 0;  ///< elements
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  ///< elements
};

/// Texts are views of the pickle's bytes.
using PickleValue =
    std::variant<PickleNone, bool, int64_t, double, std::string_view, PickleSequence,
                 PickleDictionary, PickleGlobal, PickleStorage, PickleTensor>;

struct Pickle {
  std::vector<PickleValue> values;
  PickleRef root = 0;
  size_t size_bytes = 0;  ///< of the pickle: another may follow

  const PickleValue& at(PickleRef ref) const { return values[ref]; }
};

/// Reads the pickle at the front of `bytes`. `path` is for messages. Throws kCorruptData, or
/// kUnsupported for another protocol, an opcode or a global outside the subset (the message names
/// it).
Pickle unpickle(std::span<const std::byte> bytes, const std::string& path);

}  // namespace blip2
