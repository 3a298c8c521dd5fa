// What calls and persistent ids in a pickle make: plain values and descriptions of tensors. Nothing
// is called. Used only by unpickler.cpp.
#pragma once

#include <string>
#include <vector>

#include "blip2/checkpoint/pickle/pickle.h"

namespace blip2 {

/// Where the unpickler is, for messages.
struct PicklePlace {
  const std::string& path;
  size_t position = 0;
};

[[noreturn]] void fail_in_pickle(const PicklePlace& place, const char* what);

/// The value `ref`, which must be a T; `what` says what the pickle does otherwise.
template <typename T>
const T& expect_pickle_value(const Pickle& pickle, PickleRef ref, const PicklePlace& place,
                             const char* what) {
  const T* value = std::get_if<T>(&pickle.values[ref]);
  if (value == nullptr) fail_in_pickle(place, what);
  return *value;
}

/// What `callee` makes of `arguments`. Where it, or an argument that a tensor or container is made
/// of, is opaque, so is the result. Throws kCorruptData.
PickleValue call_pickle_global(const Pickle& pickle, PickleRef callee,
                               const std::vector<PickleRef>& arguments, const PicklePlace& place);

/// The storage that a persistent id names; opaque for one of an unknown type and for a class with
/// its source text. Throws kCorruptData.
PickleValue make_pickle_storage(const Pickle& pickle, PickleRef id, const PicklePlace& place);

}  // namespace blip2
