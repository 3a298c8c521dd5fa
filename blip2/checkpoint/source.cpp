// Looking tensors up, and tensors in memory as a source.
#include "blip2/checkpoint/source.h"

#include <algorithm>
#include <map>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"

namespace blip2 {
namespace {

class MemorySource : public TensorSource {
 public:
  MemorySource(std::string description, std::vector<StoredTensor> tensors)
      : description_(std::move(description)) {
    for (StoredTensor& named : tensors) {
      if (!tensors_.emplace(named.name, std::move(named.tensor)).second) {
        fail(ErrorCode::kInvalidArgument, "{}: two tensors are named {}", description_,
             quote(named.name));
      }
    }
    for (const auto& [name, tensor] : tensors_) {
      infos_.push_back({name, tensor.scalar_type(), tensor.sizes().vec()});
    }
  }

  const std::vector<TensorInfo>& infos() const override { return infos_; }
  bool has(const std::string& name) const override { return tensors_.contains(name); }
  at::Tensor read(const std::string& name) const override {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) {
      fail(ErrorCode::kNotFound, "{}: no tensor is named {}", description_, quote(name));
    }
    return found->second.detach().cpu().contiguous();
  }
  std::string describe() const override { return description_; }

 private:
  std::string description_;
  std::map<std::string, at::Tensor> tensors_;
  std::vector<TensorInfo> infos_;
};

}  // namespace

const TensorInfo* find_info(const TensorSource& source, const std::string& name) {
  const std::vector<TensorInfo>& infos = source.infos();
  const auto found = std::lower_bound(
      infos.begin(), infos.end(), name,
      [](const TensorInfo& info, const std::string& wanted) { return info.name < wanted; });
  return found == infos.end() || found->name != name ? nullptr : &*found;
}

std::unique_ptr<TensorSource> make_memory_source(std::string description,
                                                 std::vector<StoredTensor> tensors) {
  return std::make_unique<MemorySource>(std::move(description), std::move(tensors));
}

}  // namespace blip2
