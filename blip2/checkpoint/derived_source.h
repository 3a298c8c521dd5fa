// Sources made of other sources: tensors renamed, split or joined as they are read, and several
// sources as one. Which names and which arithmetic is the callers' business.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "blip2/checkpoint/source.h"

namespace blip2 {

/// A tensor that is made from another source's when it is read.
struct DerivedTensor {
  TensorInfo info;
  std::function<at::Tensor(const TensorSource& inner)> read;
};

/// Such a tensor that is only another's under a new name.
DerivedTensor renamed_tensor(const TensorInfo& inner, const std::string& name);

/// A source of just these tensors, over `inner`, which it owns. `inner_name` gives the name under
/// which the inner source might know a tensor that is not among them: its read() is then asked, so
/// that its reason is heard. Throws kCorruptData if two have one name.
std::unique_ptr<TensorSource> make_derived_source(
    std::unique_ptr<TensorSource> inner, std::vector<DerivedTensor> tensors,
    std::function<std::optional<std::string>(const std::string&)> inner_name = nullptr);

struct SourcePart {
  std::unique_ptr<TensorSource> source;
  std::string prefix = "";  ///< what its tensors' names get in front
};

/// Several sources as one. Throws kCorruptData if two of them have a tensor of one name.
std::unique_ptr<TensorSource> join_sources(std::vector<SourcePart> parts);

}  // namespace blip2
