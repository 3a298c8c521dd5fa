// Strict loading of a source's tensors into a model's. It sees names and tensors, never a model.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "blip2/checkpoint/source.h"

namespace blip2 {

/// A tensor to fill: it comes in with the shape, dtype and device that the model expects. `name` is
/// the source's name. Two slots may have one name.
struct Slot {
  std::string name;
  at::Tensor* tensor = nullptr;
  bool optional = false;  ///< stays as it is where the source lacks it
  /// Other names of the same tensor, where weights are tied: files keep any one of them or several.
  /// Where the source lacks `name`, the first of these that it has is read; the others that it has
  /// count as used.
  std::vector<std::string> alternatives = {};
  bool check_finite = false;  ///< as in LoadOptions, for this tensor alone
};

struct LoadOptions {
  /// true: every tensor is copied into the slot's own memory (which may be trained). false: where
  /// dtype and device agree and the slot does not require a gradient, the slot becomes a read-only
  /// view of the mapped file, which must not be written to.
  bool copy = true;
  /// Refuse NaN and infinities; the message names the first tensor that has one.
  bool check_finite = false;
  /// Patterns (name_matches) of tensors in the source that may be left unused.
  std::vector<std::string> ignore_unused = {};
};

struct Misshapen {
  std::string name;
  std::vector<int64_t> expected;
  std::vector<int64_t> found;
};

/// Quantised weights that a configuration does not speak of, or another model's.
struct Mistyped {
  std::string name;
  bool expects_fractions = true;  ///< floating-point numbers; else whole ones
  std::string found;              ///< dtype
};

/// How slots and source agree. Lists are in the order of the slots, `unused` in that of the names.
struct LoadReport {
  std::vector<std::string> missing;  ///< slots that the source lacks
  std::vector<std::string> skipped;  ///< optional slots that the source lacks
  std::vector<std::string> unused;   ///< tensors of the source without a slot, but the ignored ones
  std::vector<Misshapen> misshapen;
  std::vector<Mistyped> mistyped;

  bool ok() const {
    return missing.empty() && unused.empty() && misshapen.empty() && mistyped.empty();
  }
};

/// Compares without reading a tensor and without throwing for a disagreement.
LoadReport inspect(const TensorSource& source, const std::vector<Slot>& slots,
                   const LoadOptions& options = {});

/// Fills every slot, converting to its dtype and device. A slot on the meta device gets fresh
/// memory on the CPU. Throws kCorruptData, before any slot is touched, where inspect() is not ok:
/// the message gives the source and the first few tensors that are missing, unused, misshapen or
/// stored as numbers of another kind.
/// Throws kUnsupported where a missing tensor is there in a form that is not read (see
/// TensorSource::read()).
LoadReport load(const TensorSource& source, const std::vector<Slot>& slots,
                const LoadOptions& options = {});

}  // namespace blip2
