// The constructors that torch.save's pickles call, without calling anything.
#include "blip2/checkpoint/pickle/pickle_calls.h"

#include <algorithm>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

using Arguments = std::vector<PickleRef>;
using Kind = PickleGlobalKind;

/// A call in progress.
struct Call {
  const Pickle& pickle;
  const PicklePlace& place;

  [[noreturn]] void corrupt(const char* what) const { fail_in_pickle(place, what); }
  template <typename T>
  const T& expect(PickleRef ref, const char* what) const {
    return expect_pickle_value<T>(pickle, ref, place, what);
  }
  const PickleOpaque* opaque(PickleRef ref) const {
    return std::get_if<PickleOpaque>(&pickle.values[ref]);
  }
  /// The first of the first `count` arguments that is opaque.
  const PickleOpaque* opaque(const Arguments& arguments, size_t count) const {
    for (size_t i = 0; i < std::min(count, arguments.size()); ++i) {
      if (const PickleOpaque* found = opaque(arguments[i])) return found;
    }
    return nullptr;
  }
};

std::vector<int64_t> integers(const Call& call, PickleRef ref) {
  constexpr const char* kFault = "has a shape that is no list of integers";
  std::vector<int64_t> numbers;
  for (const PickleRef item : call.expect<PickleSequence>(ref, kFault).items) {
    numbers.push_back(call.expect<int64_t>(item, kFault));
  }
  return numbers;
}

PickleValue make_dictionary(const Call& call, const Arguments& arguments) {
  PickleDictionary dictionary;
  if (arguments.empty()) return dictionary;
  constexpr const char* kFault = "makes a dictionary of what is no list of pairs";
  for (const PickleRef item : call.expect<PickleSequence>(arguments[0], kFault).items) {
    const Arguments& pair = call.expect<PickleSequence>(item, kFault).items;
    if (pair.size() != 2) call.corrupt(kFault);
    dictionary.items.emplace_back(pair[0], pair[1]);
  }
  return dictionary;
}

/// (storage, offset, shape, strides, requires_grad, hooks[, dtype, metadata])
PickleValue make_tensor(const Call& call, const Arguments& arguments, bool has_dtype) {
  constexpr size_t kUsed = 4;
  constexpr size_t kDtypeArgument = 6;
  if (arguments.size() < (has_dtype ? kDtypeArgument + 1 : kUsed)) {
    call.corrupt("has a tensor with too few arguments");
  }
  if (const PickleOpaque* opaque = call.opaque(arguments, kUsed)) return *opaque;
  PickleTensor tensor;
  tensor.storage = call.expect<PickleStorage>(arguments[0], "has a tensor without a storage");
  tensor.offset = call.expect<int64_t>(arguments[1], "has a tensor without an offset");
  tensor.shape = integers(call, arguments[2]);
  tensor.strides = integers(call, arguments[3]);
  tensor.dtype = tensor.storage.dtype;
  if (has_dtype) {
    const PickleRef ref = arguments[kDtypeArgument];
    if (const PickleOpaque* opaque = call.opaque(ref)) return *opaque;
    const auto& dtype = call.expect<PickleGlobal>(ref, "has an unknown dtype");
    if (dtype.kind != Kind::kDtype) call.corrupt("has an unknown dtype");
    tensor.dtype = dtype.dtype;
  }
  return tensor;
}

/// (function, class, arguments, attributes): what the function makes, where the class adds nothing
/// to it.
PickleValue make_from_type(const Call& call, const Arguments& arguments) {
  if (arguments.size() < 3) call.corrupt("has a tensor with too few arguments");
  const PickleOpaque& type = call.expect<PickleOpaque>(arguments[1], "has a tensor of no class");
  const std::string& name = call.pickle.globals[type.global];
  if (name != "torch.Tensor" && name != "torch.nn.parameter.Parameter") return type;
  if (const PickleOpaque* opaque = call.opaque(arguments[0])) return *opaque;
  const auto& function = call.expect<PickleGlobal>(arguments[0], "calls what is no global");
  // Not any function: a pickle could nest this one without end.
  if (function.kind != Kind::kRebuildTensor && function.kind != Kind::kRebuildTensorV3 &&
      function.kind != Kind::kRebuildParameter) {
    call.corrupt("makes a tensor by what makes none");
  }
  const auto& inner = call.expect<PickleSequence>(arguments[2], "calls without arguments");
  return call_pickle_global(call.pickle, arguments[0], inner.items, call.place);
}

/// The class of what copyreg's helpers would make is more telling than their own name.
const PickleOpaque& opaque_result(const Call& call, const PickleOpaque& callee,
                                  const Arguments& arguments) {
  const std::string& name = call.pickle.globals[callee.global];
  const bool is_helper = name.starts_with("copy_reg.") || name.starts_with("copyreg.");
  const PickleOpaque* type = is_helper ? call.opaque(arguments, 1) : nullptr;
  return type == nullptr ? callee : *type;
}

}  // namespace

void fail_in_pickle(const PicklePlace& place, const char* what) {
  fail(ErrorCode::kCorruptData, "{}: the pickle {} at its byte {}", place.path, what,
       place.position);
}

PickleValue call_pickle_global(const Pickle& pickle, PickleRef callee,
                               const std::vector<PickleRef>& arguments, const PicklePlace& place) {
  const Call call{pickle, place};
  if (const PickleOpaque* opaque = call.opaque(callee)) {
    return opaque_result(call, *opaque, arguments);
  }
  const auto& global = call.expect<PickleGlobal>(callee, "calls what is no global");
  const bool needs_one = global.kind == Kind::kText || global.kind == Kind::kRebuildParameter;
  if (arguments.empty() && needs_one) call.corrupt("calls without arguments");
  if (const PickleOpaque* opaque = call.opaque(arguments, 1)) return *opaque;
  switch (global.kind) {
    case Kind::kDictionary:
      return make_dictionary(call, arguments);
    case Kind::kSequence:
      if (arguments.empty()) return PickleSequence{};
      return call.expect<PickleSequence>(arguments[0], "makes a list of what is none");
    case Kind::kText:
      return call.expect<std::string_view>(arguments[0], "needs a text");
    case Kind::kRebuildTensor:
      return make_tensor(call, arguments, /*has_dtype=*/false);
    case Kind::kRebuildTensorV3:
      return make_tensor(call, arguments, /*has_dtype=*/true);
    case Kind::kRebuildParameter:
      return call.expect<PickleTensor>(arguments[0], "makes a parameter of what is no tensor");
    case Kind::kRebuildFromType:
      return make_from_type(call, arguments);
    case Kind::kDtype:
    case Kind::kStorage:
      break;
  }
  call.corrupt("calls a type");
}

PickleValue make_pickle_storage(const Pickle& pickle, PickleRef id, const PicklePlace& place) {
  constexpr const char* kFault = "has a persistent id that is no storage";
  constexpr const char* kViewFault = "has a view of a storage that is none";
  const Call call{pickle, place};
  // ("storage", type, key, location, number of elements[, None or (key, offset, elements)]), or
  // ("module", class, its file, its source)
  const Arguments& parts = call.expect<PickleSequence>(id, kFault).items;
  const auto* kind =
      parts.empty() ? nullptr : std::get_if<std::string_view>(&pickle.values[parts[0]]);
  if (kind != nullptr && parts.size() > 1 && (*kind == "module" || *kind == "storage")) {
    if (const PickleOpaque* opaque = call.opaque(parts[1])) return *opaque;
  }
  if (kind == nullptr || *kind != "storage" || parts.size() < 5 || parts.size() > 6) {
    call.corrupt(kFault);
  }
  const auto& type = call.expect<PickleGlobal>(parts[1], kFault);
  if (type.kind != Kind::kStorage) call.corrupt(kFault);
  PickleStorage storage;
  storage.key = call.expect<std::string_view>(parts[2], kFault);
  storage.dtype = type.dtype;
  storage.num_elements = call.expect<int64_t>(parts[4], kFault);
  storage.view_elements = storage.num_elements;
  if (parts.size() == 6 && !std::holds_alternative<PickleNone>(pickle.values[parts[5]])) {
    const Arguments& view = call.expect<PickleSequence>(parts[5], kViewFault).items;
    if (view.size() != 3) call.corrupt(kViewFault);
    storage.view_offset = call.expect<int64_t>(view[1], kViewFault);
    storage.view_elements = call.expect<int64_t>(view[2], kViewFault);
    if (storage.view_offset < 0 || storage.view_elements < 0 ||
        storage.view_offset > storage.num_elements ||
        storage.view_elements > storage.num_elements - storage.view_offset) {
      call.corrupt(kViewFault);
    }
  }
  return storage;
}

}  // namespace blip2
