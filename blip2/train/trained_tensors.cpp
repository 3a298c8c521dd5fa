// A walk over the bundle.
#include "blip2/train/trained_tensors.h"

#include "blip2/models/names/hugging_face.h"

namespace blip2 {

std::vector<NamedTensor> trained_tensors(Bundle& bundle, const ModelConfig& model) {
  std::vector<NamedTensor> tensors =
      bundle.stage1 ? named_tensors(*bundle.stage1) : named_tensors(*bundle.stage2);
  if (model.freeze_embeddings) {
    std::erase_if(tensors, [](const NamedTensor& named) {
      return named.name == "qformer.word_embeddings.weight" ||
             named.name == "qformer.position_embeddings.weight";
    });
  }
  if (model.freeze_vit) return tensors;
  for (const NamedTensor& named : bundle.image_encoder->tensors()) {
    tensors.push_back({kVisionPrefix + named.name, named.tensor});
  }
  return tensors;
}

}  // namespace blip2
