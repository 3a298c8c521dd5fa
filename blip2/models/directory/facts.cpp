// What the directories that training starts from say of themselves: read off their layouts.
#include "blip2/models/directory/facts.h"

#include <utility>

#include "blip2/checkpoint/gguf.h"
#include "blip2/models/directory/claims.h"
#include "blip2/models/directory/found_directory.h"
#include "blip2/models/directory/frozen_parts.h"
#include "blip2/models/directory/gguf_tokenizer.h"
#include "blip2/models/directory/layout.h"
#include "blip2/models/language/llama_language_model.h"
#include "blip2/models/names/gguf.h"
#include "blip2/models/vision/efficientnet.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

ImageEncoderFacts facts_of(const ImageEncoderShape& shape) {
  return {.width = shape.width, .image_size = shape.image_size, .patch_size = shape.patch_size};
}

}  // namespace

ImageEncoderFacts image_encoder_facts(const fs::path& given) {
  const fs::path path = model_directory(given);
  if (!has_config(path)) {
    encoder_file(path);  // fails where there is none
    return facts_of(efficientnet_shape());
  }
  const OpenedDirectory directory(path);
  ImageEncoderFacts facts =
      facts_of(*layout(directory, {.wanted = Wanted::kImageEncoder}).image_encoder);
  if (const auto transform = find_transform(directory, facts.image_size)) {
    facts.image_size = transform->image_size;
  }
  return facts;
}

QFormerFacts qformer_facts(const fs::path& path) {
  const OpenedDirectory directory(path);
  const Layout found = layout(directory, {.wanted = Wanted::kQFormer});
  if (found.bert) return {.is_bert = true, .has_text_side = true};
  return {.is_instruct = found.kind == DirectoryKind::kInstruct,
          .has_text_side = found.kind == DirectoryKind::kStage1,
          .encoder_width = found.blip2->qformer.encoder_hidden_size,
          .language_width = found.language_model ? found.language_model->width : 0};
}

LanguageModelFacts language_model_facts(const fs::path& given) {
  const fs::path path = model_directory(given);
  if (!has_config(path)) {
    const GgufFile file(language_model_file(path));
    const LanguageModelShape shape = llama_shape(llama_config_from_gguf(file));
    return {.family = shape.family, .width = shape.width, .tokenizer = tokenizer_from_gguf(file)};
  }
  const OpenedDirectory directory(path);
  const Layout found = layout(directory, {.wanted = Wanted::kLanguageModel});
  return {.family = found.language_model->family,
          .width = found.language_model->width,
          .tokenizer = open_tokenizer(path, found.tokenizers.at(0))};
}

}  // namespace blip2
