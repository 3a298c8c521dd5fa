// Opening the frozen parts that training starts from.
#include "blip2/models/directory/frozen_parts.h"

#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/checkpoint/gguf.h"
#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/open_source.h"
#include "blip2/models/configs/edits.h"
#include "blip2/models/directory/claims.h"
#include "blip2/models/directory/fill.h"
#include "blip2/models/directory/found_directory.h"
#include "blip2/models/directory/gguf_tokenizer.h"
#include "blip2/models/directory/layout.h"
#include "blip2/models/directory/token_ids.h"
#include "blip2/models/language/llama_language_model.h"
#include "blip2/models/names/gguf.h"
#include "blip2/models/names/hugging_face.h"
#include "blip2/models/vision/efficientnet.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

/// Names of shapes with random weights, which this version does not build.
bool is_shape_word(const fs::path& path) {
  return path == "eva_clip_g" || path == "clip_L" || path == "none";
}

/// Fails for a path that is not there, before a guess at its kind gives a misleading message.
void require_there(const fs::path& path, const char* expected) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    fail(ErrorCode::kNotFound, "{}: no such file or directory; expected {}", path.string(),
         expected);
  }
}

ImageEncoderPart open_encoder_file(const fs::path& path, const PartOptions& options) {
  const std::unique_ptr<TensorSource> source = open_source(path);
  if (!source->has("_conv_stem.weight")) {
    fail(ErrorCode::kUnsupported,
         "{}: expected the weights of an EfficientNet-Lite0, found no tensor _conv_stem.weight",
         path.string());
  }
  if (options.trained) {
    fail(ErrorCode::kUnsupported,
         "{}: only the image encoders of BLIP-2, BLIP and CLIP are trained", path.string());
  }
  const ParameterBudget budget = claimable(*source);
  const ImageEncoderShape shape = efficientnet_shape();
  const ImageEncoderWeights weights = shape.make();
  load(*source, prefixed_slots(weights.tensors, ""),
       {.copy = false, .check_finite = true, .ignore_unused = unused_buffers()});
  move_to(weights.tensors, options.device);
  return {weights.finish(0), shape.transform, shape.json};
}

ImageEncoderPart open_encoder_directory(const fs::path& path, const PartOptions& options) {
  const OpenedDirectory directory(path);
  Layout layout = blip2::layout(directory, {.wanted = Wanted::kImageEncoder});
  const ImageEncoderShape& shape = *layout.image_encoder;
  if (options.trained && !shape.is_transformer()) {
    fail(ErrorCode::kUnsupported,
         "{}: only the image encoders of BLIP-2, BLIP and CLIP are trained",
         directory.config().where());
  }
  fill(layout, directory.weights(), options.device,
       {.copy = options.trained, .check_finite = true});
  const int64_t size = shape.is_transformer() ? options.image_size : 0;
  ImageEncoderPart part{layout.image_encoder_weights.finish(size),
                        find_transform(directory, shape.image_size).value_or(shape.transform),
                        layout.vision_json};
  if (size > 0) {
    part.transform = with_image_size(part.transform, size);
    if (size != shape.image_size) part.vision_json = with_image_size(part.vision_json, size);
  }
  return part;
}

LanguageModelPart finish(LanguageModelPart part, const LanguageModelWeights& weights) {
  part.model = weights.finish();
  set_trainable(part.model->tensors(), false);
  return part;
}

LanguageModelPart open_gguf(const fs::path& path, const PartOptions& options) {
  const GgufFile file(path);
  LanguageModelPart part;
  const LlamaConfig config = llama_config_from_gguf(file);
  part.shape = llama_shape(config);
  part.text_json = llama_json(config);
  part.tokenizer = tokenizer_from_gguf(file);
  check_needed_ids(path, *part.tokenizer,
                   language_tokenizer(config.vocab_size).needed_ids(*part.tokenizer),
                   config.vocab_size);
  nlohmann::ordered_json generation = nlohmann::ordered_json::object();
  if (config.bos_token_id >= 0) generation["bos_token_id"] = config.bos_token_id;
  if (config.eos_token_id >= 0) generation["eos_token_id"] = config.eos_token_id;
  if (config.pad_token_id >= 0) generation["pad_token_id"] = config.pad_token_id;
  part.generation_json = generation.dump(2);
  const LanguageModelWeights weights =
      language_model_weights<LlamaLanguageModel>(load_llama(file), {});
  move_to(weights.tensors, options.device);
  return finish(std::move(part), weights);
}

LanguageModelPart open_language_directory(const fs::path& path, const PartOptions& options) {
  const OpenedDirectory directory(path);
  Layout layout = blip2::layout(
      directory, {.wanted = Wanted::kLanguageModel, .t5_activation = options.t5_activation});
  fill(layout, directory.weights(), options.device, {.check_finite = true});
  LanguageModelPart part;
  part.shape = *layout.language_model;
  part.text_json = std::move(layout.text_json);
  part.tokenizer = open_tokenizer(path, layout.tokenizers.at(0));
  part.generation_json = read_generation_json(path);
  return finish(std::move(part), layout.language_model_weights);
}

fs::path file_of(const fs::path& path, const char* extension) {
  const fs::path file = only_file(path, extension);
  if (file.empty()) {
    fail(ErrorCode::kNotFound, "{}: expected config.json or one {} file", path.string(), extension);
  }
  return file;
}

}  // namespace

ImageEncoderPart open_image_encoder(const fs::path& given, const PartOptions& options) {
  if (is_shape_word(given)) {
    fail(ErrorCode::kUnsupported,
         "image encoder {}: this version opens a directory or file of weights", given.string());
  }
  const fs::path path = model_directory(given);
  require_there(path, "a directory or file of an image encoder");
  if (has_config(path)) return open_encoder_directory(path, options);
  return open_encoder_file(encoder_file(path), options);
}

LanguageModelPart open_language_model(const fs::path& given, const PartOptions& options) {
  const fs::path path = model_directory(given);
  require_there(path, "a directory or file of a language model");
  if (has_config(path)) return open_language_directory(path, options);
  return open_gguf(language_model_file(path), options);
}

fs::path only_file(const fs::path& path, const std::string& extension) {
  if (!fs::is_directory(path)) return path.extension() == extension ? path : fs::path();
  fs::path found;
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
    if (entry.path().extension() != extension || !entry.is_regular_file()) continue;
    if (!found.empty()) {
      fail(ErrorCode::kInvalidArgument, "{}: expected one {} file, found {} and {}", path.string(),
           extension, found.filename().string(), entry.path().filename().string());
    }
    found = entry.path();
  }
  return found;
}

fs::path encoder_file(const fs::path& path) { return file_of(path, ".pth"); }
fs::path language_model_file(const fs::path& path) { return file_of(path, ".gguf"); }

}  // namespace blip2
