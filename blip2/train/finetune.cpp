#include "blip2/train/finetune.h"

#include "blip2/models/names_hugging_face.h"

namespace blip2 {

void add_trained_encoder(const Bundle& bundle, const ModelConfig& model,
                         std::vector<NamedTensor>& tensors) {
  if (model.freeze_vit) return;
  for (const NamedTensor& named : bundle.image_encoder->tensors()) {
    tensors.push_back({kVisionPrefix + named.name, named.tensor});
  }
}

}  // namespace blip2
