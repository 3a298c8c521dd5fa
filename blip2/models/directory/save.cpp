// Writing a model directory: save_bundle() of bundle.h, whole or not at all. The names are those by
// which the layout reads.
#include <ATen/core/grad_mode.h>

#include <iterator>
#include <utility>

#include "blip2/base/directory_writer.h"
#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/bundle.h"
#include "blip2/models/configs/blip2_config.h"
#include "blip2/models/configs/image_processor.h"
#include "blip2/models/directory/part_names.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

DirectoryKind kind_of(const Bundle& bundle) {
  if (bundle.stage1) return DirectoryKind::kStage1;
  return is_instruct(bundle) ? DirectoryKind::kInstruct : DirectoryKind::kStage2;
}

/// All tensors under Hugging Face's names. Handles are copied, not what they hold.
std::vector<StoredTensor> stored_tensors(const Bundle& bundle) {
  std::vector<StoredTensor> all;
  const auto add = [&](const PartNames& names, const std::vector<NamedTensor>& tensors) {
    std::vector<StoredTensor> stored = stored_by(names, tensors);
    std::move(stored.begin(), stored.end(), std::back_inserter(all));
  };
  add(image_encoder_names(), bundle.image_encoder->tensors());
  const PartNames trained = trained_names(kind_of(bundle));
  if (bundle.stage1) {
    add(trained, named_tensors(*bundle.stage1));
  } else {
    add(trained, named_tensors(*bundle.stage2));
    add(language_model_names(), bundle.language_model->tensors());
  }
  return all;
}

Blip2Config config_of(const Bundle& bundle) {
  Blip2Config config;
  config.kind = kind_of(bundle);
  config.vision_json = bundle.vision_json;
  config.text_json = bundle.text_json;
  config.max_text_length = bundle.max_text_length;
  config.prompt = bundle.prompt;
  config.image_token_id = bundle.image_token_id;
  config.image_norm_eps = bundle.image_norm->eps;
  if (bundle.stage1) {
    config.qformer = bundle.stage1->qformer.config;
    config.image_text_hidden_size = bundle.stage1->vision_projection.weight.size(0);
  } else {
    config.qformer = bundle.stage2->qformer.config;
  }
  return config;
}

}  // namespace

void save_bundle(const Bundle& bundle, const fs::path& directory) {
  const at::NoGradGuard no_grad;
  BLIP2_CHECK(bundle.image_encoder != nullptr);
  BLIP2_CHECK((bundle.stage1 != nullptr) != (bundle.stage2 != nullptr));
  BLIP2_CHECK(bundle.stage1 != nullptr || bundle.language_model != nullptr);
  const Tokenizer* tokenizer =
      bundle.stage1 ? bundle.qformer_tokenizer.get() : bundle.text_tokenizer.get();
  DirectoryWriter writer(directory, kModelDirectory);
  write_safetensors(writer.path() / "model.safetensors", stored_tensors(bundle));
  write_file_atomic(writer.path() / "config.json", format_blip2(config_of(bundle)) + "\n");
  write_file_atomic(writer.path() / "preprocessor_config.json",
                    format_transform(bundle.transform) + "\n");
  write_file_atomic(writer.path() / "generation_config.json", bundle.generation_json + "\n");
  if (tokenizer != nullptr) tokenizer->save(writer.path());
  if (is_instruct(bundle)) bundle.qformer_tokenizer->save(writer.path() / "qformer_tokenizer");
  writer.commit();
}

}  // namespace blip2
