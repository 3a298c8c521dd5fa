// CLIP as an implementation of the interfaces that the tasks see. It has no matching head and does
// not write.
#include "blip2/models/clip_model.h"

#include <cmath>
#include <memory>
#include <utility>

#include "blip2/base/error.h"

namespace blip2 {
namespace {

/// The image half, whose raw output the features are made of.
class ClipImageEncoder final : public ImageEncoder {
 public:
  explicit ClipImageEncoder(std::shared_ptr<Clip> model) : model_(std::move(model)) {}

  at::Tensor encode(const at::Tensor& pixels) const override {
    return blip2::encode(model_->vision_model, pixels);
  }
  int64_t width() const override { return model_->config.vision.hidden_size; }
  std::vector<NamedTensor> tensors() override { return named_tensors(model_->vision_model); }

 private:
  const std::shared_ptr<Clip> model_;
};

class ClipFeatures final : public ImageTextFeatures {
 public:
  ClipFeatures(std::shared_ptr<const Clip> model, const Tokenizer* tokenizer)
      : model_(std::move(model)), tokenizer_(tokenizer) {}

  FeatureFacts facts() const override {
    return {.width = model_->config.projection_dim,
            .max_positions = model_->config.text.max_position_embeddings,
            .temperature = std::exp(-model_->logit_scale.item<double>()),
            .tokenizer = tokenizer_};
  }
  at::Tensor images(const at::Tensor& image_embeds) const override {
    const at::Tensor pooled = normed_class(model_->vision_model, image_embeds);
    return normalize(apply(model_->visual_projection, pooled)).unsqueeze(1);
  }
  at::Tensor texts(const at::Tensor& ids, const at::Tensor& mask) const override {
    return text_features(*model_, ids, mask);
  }
  at::Tensor pairs(const at::Tensor&, const Text&) const override {
    fail(ErrorCode::kUnsupported, "a CLIP has no matching head");
  }

 private:
  const std::shared_ptr<const Clip> model_;
  const Tokenizer* tokenizer_;
};

}  // namespace

void put_clip(Bundle& bundle, Clip model) {
  const auto clip = std::make_shared<Clip>(std::move(model));
  bundle.image_encoder = std::make_unique<ClipImageEncoder>(clip);
  bundle.features = std::make_unique<ClipFeatures>(clip, bundle.text_tokenizer.get());
}

}  // namespace blip2
