// Sources whose tensors are renamed, joined or computed from others.
#include "blip2/checkpoint/derived_source.h"

#include <algorithm>
#include <map>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"

namespace blip2 {
namespace {

class DerivedSource : public TensorSource {
 public:
  using InnerName = std::function<std::optional<std::string>(const std::string&)>;

  DerivedSource(std::unique_ptr<TensorSource> inner, std::vector<DerivedTensor> tensors,
                InnerName inner_name)
      : inner_(std::move(inner)), inner_name_(std::move(inner_name)) {
    for (DerivedTensor& tensor : tensors) {
      const std::string name = tensor.info.name;
      if (!tensors_.emplace(name, std::move(tensor)).second) {
        fail(ErrorCode::kCorruptData, "{}: two tensors lead to the name {}", describe(),
             quote(name));
      }
    }
    for (const auto& [name, tensor] : tensors_) infos_.push_back(tensor.info);
  }

  const std::vector<TensorInfo>& infos() const override { return infos_; }
  bool has(const std::string& name) const override { return tensors_.contains(name); }
  at::Tensor read(const std::string& name) const override {
    const auto found = tensors_.find(name);
    if (found != tensors_.end()) {
      const at::Tensor tensor = found->second.read(*inner_).contiguous();
      BLIP2_CHECK(tensor.sizes() == at::IntArrayRef(found->second.info.shape));
      return tensor;
    }
    if (const auto inner = inner_name_ ? inner_name_(name) : std::nullopt) {
      if (!inner_->has(*inner)) inner_->read(*inner);  // throws, and knows why
    }
    fail(ErrorCode::kNotFound, "{}: no tensor is named {}", describe(), quote(name));
  }
  std::string describe() const override { return inner_->describe(); }

 private:
  std::unique_ptr<TensorSource> inner_;
  InnerName inner_name_;
  std::map<std::string, DerivedTensor> tensors_;
  std::vector<TensorInfo> infos_;
};

class JoinedSource : public TensorSource {
 public:
  explicit JoinedSource(std::vector<SourcePart> parts) : parts_(std::move(parts)) {
    for (const SourcePart& part : parts_) {
      for (const TensorInfo& info : part.source->infos()) {
        const std::string name = part.prefix + info.name;
        if (!part_of_.emplace(name, &part).second) {
          fail(ErrorCode::kCorruptData, "{}: another part has a tensor {}, too",
               part.source->describe(), quote(name));
        }
        infos_.push_back({name, info.dtype, info.shape});
      }
    }
    std::sort(infos_.begin(), infos_.end(),
              [](const TensorInfo& a, const TensorInfo& b) { return a.name < b.name; });
  }

  const std::vector<TensorInfo>& infos() const override { return infos_; }
  bool has(const std::string& name) const override { return part_of_.contains(name); }
  at::Tensor read(const std::string& name) const override {
    const auto found = part_of_.find(name);
    if (found != part_of_.end()) {
      return found->second->source->read(name.substr(found->second->prefix.size()));
    }
    for (const SourcePart& part : parts_) explain_missing(part, name);
    fail(ErrorCode::kNotFound, "{}: no tensor is named {}", describe(), quote(name));
  }
  std::string describe() const override {
    std::string text;
    for (const SourcePart& part : parts_) {
      text += (text.empty() ? "" : " + ") + part.source->describe();
    }
    return text;
  }

 private:
  /// Throws where a part knows why it lacks the tensor.
  static void explain_missing(const SourcePart& part, const std::string& name) {
    if (!name.starts_with(part.prefix)) return;
    try {
      part.source->read(name.substr(part.prefix.size()));
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kUnsupported) throw;
    }
  }

  std::vector<SourcePart> parts_;
  std::map<std::string, const SourcePart*> part_of_;
  std::vector<TensorInfo> infos_;
};

}  // namespace

DerivedTensor renamed_tensor(const TensorInfo& inner, const std::string& name) {
  return {{name, inner.dtype, inner.shape}, [inner_name = inner.name](const TensorSource& source) {
            return source.read(inner_name);
          }};
}

std::unique_ptr<TensorSource> make_derived_source(
    std::unique_ptr<TensorSource> inner, std::vector<DerivedTensor> tensors,
    std::function<std::optional<std::string>(const std::string&)> inner_name) {
  return std::make_unique<DerivedSource>(std::move(inner), std::move(tensors),
                                         std::move(inner_name));
}

std::unique_ptr<TensorSource> join_sources(std::vector<SourcePart> parts) {
  return std::make_unique<JoinedSource>(std::move(parts));
}

}  // namespace blip2
