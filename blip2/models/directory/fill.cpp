// Filling the parts of a layout with the directory's weights.
#include "blip2/models/directory/fill.h"

#include <ATen/ops/empty.h>
#include <torch/headeronly/core/ScalarType.h>

#include <map>
#include <string>
#include <vector>

#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/source.h"
#include "blip2/models/configs/directory_kind.h"
#include "blip2/models/directory/layout.h"
#include "blip2/models/directory/trained_part.h"
#include "blip2/nn/module.h"

namespace blip2 {
namespace {

/// A slot takes the dtype that its tensor has in the file, where that is half as wide.
void keep_stored_dtypes(const std::vector<Slot>& slots,
                        const std::map<std::string, at::ScalarType>& stored) {
  for (const Slot& slot : slots) {
    auto found = stored.find(slot.name);
    for (const std::string& name : slot.alternatives) {
      if (found == stored.end()) found = stored.find(name);
    }
    if (found == stored.end() || !slot.tensor->is_floating_point()) continue;
    if (found->second != at::kHalf && found->second != at::kBFloat16) continue;
    *slot.tensor = at::empty(slot.tensor->sizes(), found->second);
  }
}

bool computes_in_stored_dtype(const Layout& layout, const LayoutPart& part) {
  if (part.role == PartRole::kLanguageModel) return true;
  return part.role == PartRole::kImageEncoder && layout.image_encoder &&
         layout.image_encoder->is_transformer();
}

}  // namespace

void fill(Layout& layout, const TensorSource& weights, at::Device device,
          const FillOptions& options) {
  std::map<std::string, at::ScalarType> stored;
  for (const TensorInfo& info : weights.infos()) stored[info.name] = info.dtype;
  std::vector<Slot> slots;
  for (LayoutPart& part : layout.parts) {
    if (!options.copy && computes_in_stored_dtype(layout, part)) {
      keep_stored_dtypes(part.slots, stored);
    }
    for (Slot& slot : part.slots) {
      slot.check_finite = part.role == PartRole::kQFormer || options.check_finite;
      slots.push_back(slot);
    }
  }
  if (layout.kind == DirectoryKind::kStage1 && layout.stage1) fill_optional(*layout.stage1);
  load(weights, slots, {.copy = options.copy, .ignore_unused = layout.ignored});
  for (const LayoutPart& part : layout.parts) {
    for (const Slot& slot : part.slots) *slot.tensor = slot.tensor->to(device);
  }
}

void move_to(const std::vector<NamedTensor>& tensors, at::Device device) {
  for (const NamedTensor& named : tensors) *named.tensor = named.tensor->to(device);
}

}  // namespace blip2
