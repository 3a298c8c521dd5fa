#include "blip2/models/directory/facts.h"

#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/checkpoint/gguf.h"
#include "blip2/checkpoint/open_source.h"
#include "blip2/models/configs/bundle_config.h"
#include "blip2/models/directory/families.h"
#include "blip2/models/directory/gguf_tokenizer.h"
#include "blip2/models/directory/parts.h"
#include "blip2/models/names/gguf.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

bool is_blip2(DirectoryKind kind) {
  return kind == DirectoryKind::kRetrieval || kind == DirectoryKind::kGeneration ||
         kind == DirectoryKind::kInstruct;
}

ImageEncoderFacts facts_of(const VisionConfig& config, const TensorSource& source) {
  refuse_excess(claimed_parameters(config), source);
  ImageEncoderFacts facts{.width = width_of(config)};
  for (const auto& [name, size] : sizes_of(config)) {
    if (name == "image_size") facts.image_size = size;
    if (name == "patch_size") facts.patch_size = size;
  }
  return facts;
}

std::string vision_json(const fs::path& directory) {
  const DirectoryKind kind = directory_kind(directory);
  if (kind == DirectoryKind::kImageEncoder) return read_file(directory / "config.json");
  if (is_blip2(kind)) return read_bundle_config(directory).vision_json;
  if (is_blip1(kind)) return read_blip_config(directory).vision_json;
  fail(ErrorCode::kInvalidArgument, "{}: expected an image encoder, found another kind of model",
       directory.string());
}

}  // namespace

ImageEncoderFacts image_encoder_facts(const fs::path& path) {
  if (!fs::exists(path / "config.json")) {
    const fs::path file = only_file(path, ".pth");
    if (file.empty()) {
      fail(ErrorCode::kNotFound, "{}: expected config.json or one .pth file", path.string());
    }
    return facts_of(EfficientNetConfig{}, *open_source(file));
  }
  const std::string where = (path / "config.json").string();
  ImageEncoderFacts facts = facts_of(parse_vision(vision_json(path), where), *open_source(path));
  const fs::path transform = path / "preprocessor_config.json";
  if (fs::exists(transform)) {
    facts.image_size = parse_transform(read_file(transform), transform.string()).image_size;
  }
  return facts;
}

QFormerFacts qformer_facts(const fs::path& directory) {
  const DirectoryKind kind = directory_kind(directory);
  const auto source = open_source(directory);
  QFormerFacts facts;
  if (kind == DirectoryKind::kBert) {
    refuse_excess(claimed_bert_parameters(read_bert_config(directory)), *source);
    facts.is_bert = facts.has_text_side = true;
    return facts;
  }
  if (!is_blip2(kind)) {
    fail(ErrorCode::kInvalidArgument,
         "{}: expected a BERT or a BLIP-2 model to start the Q-Former from", directory.string());
  }
  const BundleConfig config = read_bundle_config(directory);
  facts.is_instruct = kind == DirectoryKind::kInstruct;
  facts.has_text_side = kind == DirectoryKind::kRetrieval;
  facts.encoder_width = config.qformer.encoder_hidden_size;
  if (!config.text_json.empty()) {
    const std::string where = (directory / "config.json").string() + ": text_config";
    facts.language_width = width_of(parse_language(config.text_json, where));
  }
  return facts;
}

LanguageModelFacts language_model_facts(const fs::path& path) {
  LanguageModelFacts facts;
  LanguageConfig config;
  if (fs::exists(path / "config.json")) {
    const DirectoryKind kind = directory_kind(path);
    const bool is_lone = kind == DirectoryKind::kLanguageModel;
    if (!is_lone && kind != DirectoryKind::kGeneration && kind != DirectoryKind::kInstruct) {
      fail(ErrorCode::kInvalidArgument,
           "{}: expected a language model, found another kind of model", path.string());
    }
    config = parse_language(
        is_lone ? read_file(path / "config.json") : read_bundle_config(path).text_json,
        (path / "config.json").string());
    refuse_excess(claimed_parameters(config), *open_source(path));
    facts.tokenizer = load_tokenizer(path);
  } else {
    const fs::path file = only_file(path, ".gguf");
    if (file.empty()) {
      fail(ErrorCode::kNotFound, "{}: expected config.json or one .gguf file", path.string());
    }
    const GgufFile gguf(file);
    config = llama_config_from_gguf(gguf);
    facts.tokenizer = tokenizer_from_gguf(gguf);
  }
  facts.family = family_name(config);
  facts.width = width_of(config);
  return facts;
}

}  // namespace blip2
