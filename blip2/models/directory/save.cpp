// Writing a model directory: save_bundle() of bundle.h, whole or not at all.
#include <ATen/core/grad_mode.h>

#include <utility>

#include "blip2/base/directory_writer.h"
#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/bundle.h"
#include "blip2/models/configs/bundle_config.h"
#include "blip2/models/names/hugging_face.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

void add_named(std::vector<StoredTensor>& all, const std::vector<NamedTensor>& tensors,
               const NameTable& names) {
  for (const NamedTensor& named : tensors) {
    const auto theirs = names.to_theirs(named.name);
    BLIP2_CHECK(theirs.has_value());
    all.push_back({*theirs, named.tensor->detach()});
  }
}

void add_prefixed(std::vector<StoredTensor>& all, const std::vector<NamedTensor>& tensors,
                  const std::string& prefix) {
  for (const NamedTensor& named : tensors) {
    all.push_back({prefix + named.name, named.tensor->detach()});
  }
}

/// All tensors under Hugging Face's names. Handles are copied, not what they hold.
std::vector<StoredTensor> stored_tensors(const Bundle& bundle) {
  std::vector<StoredTensor> all;
  add_prefixed(all, bundle.image_encoder->tensors(), kVisionPrefix);
  if (bundle.stage1) {
    Stage1 model = *bundle.stage1;
    add_named(all, named_tensors(model), stage1_names());
  } else {
    Generative model = *bundle.generative;
    add_named(all, named_tensors(model),
              is_instruct(bundle) ? instruct_names() : generative_names());
    add_prefixed(all, bundle.language_model->tensors(), kLanguagePrefix);
  }
  return all;
}

BundleConfig config_of(const Bundle& bundle) {
  BundleConfig config;
  config.vision_json = bundle.vision_json;
  config.text_json = bundle.text_json;
  config.max_text_length = bundle.max_text_length;
  config.prompt = bundle.prompt;
  config.image_token_id = bundle.image_token_id;
  if (bundle.stage1) {
    config.kind = DirectoryKind::kRetrieval;
    config.qformer = bundle.stage1->qformer.config;
    config.image_norm_eps = bundle.stage1->image_norm.eps;
    config.image_text_hidden_size = bundle.stage1->vision_projection.weight.size(0);
  } else {
    config.kind = is_instruct(bundle) ? DirectoryKind::kInstruct : DirectoryKind::kGeneration;
    config.qformer = bundle.generative->qformer.config;
    config.image_norm_eps = bundle.generative->image_norm.eps;
  }
  return config;
}

}  // namespace

void save_bundle(const Bundle& bundle, const fs::path& directory) {
  const at::NoGradGuard no_grad;
  BLIP2_CHECK(bundle.image_encoder != nullptr);
  BLIP2_CHECK(bundle.stage1.has_value() != bundle.generative.has_value());
  BLIP2_CHECK(bundle.stage1.has_value() || bundle.language_model != nullptr);
  const Tokenizer* tokenizer =
      bundle.stage1 ? bundle.qformer_tokenizer.get() : bundle.text_tokenizer.get();
  DirectoryWriter writer(directory, kModelDirectory);
  write_safetensors(writer.path() / "model.safetensors", stored_tensors(bundle));
  write_file_atomic(writer.path() / "config.json", format_bundle_config(config_of(bundle)) + "\n");
  write_file_atomic(writer.path() / "preprocessor_config.json",
                    format_transform(bundle.transform) + "\n");
  write_file_atomic(writer.path() / "generation_config.json", bundle.generation_json + "\n");
  if (tokenizer != nullptr) tokenizer->save(writer.path());
  if (is_instruct(bundle)) bundle.qformer_tokenizer->save(writer.path() / "qformer_tokenizer");
  writer.commit();
}

}  // namespace blip2
