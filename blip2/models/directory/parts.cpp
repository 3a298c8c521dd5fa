#include "blip2/models/directory/parts.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/json_fields.h"
#include "blip2/checkpoint/gguf.h"
#include "blip2/checkpoint/load.h"
#include "blip2/checkpoint/open_source.h"
#include "blip2/models/configs/bundle_config.h"
#include "blip2/models/directory/families.h"
#include "blip2/models/directory/gguf_tokenizer.h"
#include "blip2/models/directory/token_ids.h"
#include "blip2/models/language/llama_language_model.h"
#include "blip2/models/names/gguf.h"
#include "blip2/models/names/hugging_face.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

/// Names of shapes with random weights, which this version does not build.
bool is_shape_word(const fs::path& path) {
  return path == "eva_clip_g" || path == "clip_L" || path == "none";
}

/// Fails for a path that is not there, before a guess at its kind gives a stranger message.
void require_there(const fs::path& path, const char* expected) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    fail(ErrorCode::kNotFound, "{}: no such file or directory; expected {}", path.string(),
         expected);
  }
}

/// Narrow weights stay as they lie in the file: a slot takes the dtype that its tensor has there.
void keep_stored_dtypes(const std::vector<Slot>& slots, const TensorSource& source) {
  for (const Slot& slot : slots) {
    const TensorInfo* found = find_info(source, slot.name);
    for (const std::string& name : slot.alternatives) {
      if (found == nullptr) found = find_info(source, name);
    }
    if (found == nullptr || !slot.tensor->is_floating_point()) continue;
    if (found->dtype != at::kHalf && found->dtype != at::kBFloat16) continue;
    *slot.tensor = at::empty(slot.tensor->sizes(), found->dtype);
  }
}

bool is_blip2_kind(DirectoryKind kind) {
  return kind == DirectoryKind::kRetrieval || kind == DirectoryKind::kGeneration ||
         kind == DirectoryKind::kInstruct;
}

/// Another size of the square that the encoder is shown, in the same share of the picture.
void show_at(ImageTransform& transform, int64_t image_size) {
  transform.shorter_side =
      static_cast<int>(transform.shorter_side * image_size / std::max(transform.image_size, 1));
  transform.image_size = static_cast<int>(image_size);
}

ImageEncoderPart load_encoder(const TensorSource& source, const std::string& prefix,
                              const std::string& vision_json, const std::string& where,
                              const PartOptions& options) {
  const VisionConfig config = parse_vision(vision_json, where);
  refuse_excess(claimed_parameters(config), source);
  VisionWeights weights = make_vision_weights(config);
  LoadOptions loading{.copy = options.trained,
                      .check_finite = options.finiteness == Finiteness::kChecked,
                      .ignore_unused = unused_buffers()};
  if (!prefix.empty()) loading.ignore_unused = tensors_beside_vision();
  const std::vector<Slot> slots = prefixed_slots(weight_tensors(weights), prefix);
  Vit* vit = std::get_if<Vit>(&weights);
  if (options.trained && vit == nullptr) {
    fail(ErrorCode::kUnsupported, "{}: of the image encoders only vision transformers are trained",
         where);
  }
  if (vit != nullptr && !options.trained) keep_stored_dtypes(slots, source);
  load(source, slots, loading);
  std::string json = vision_json;
  if (vit != nullptr && options.image_size > 0 && options.image_size != vit->config.image_size) {
    resize_pictures(*vit, options.image_size);
    json = with_image_size(vision_json, options.image_size);
  }
  ImageTransform transform = efficientnet_lite0_transform();
  if (vit != nullptr) {
    transform = blip2_transform();
    show_at(transform, vit->config.image_size);
  }
  move_to(weight_tensors(weights), options.device);
  return {make_image_encoder(std::move(weights)), transform, json};
}

ImageEncoderPart open_encoder_file(const fs::path& path, const PartOptions& options) {
  const std::unique_ptr<TensorSource> source = open_source(path);
  if (!source->has("_conv_stem.weight")) {
    fail(ErrorCode::kUnsupported,
         "{}: expected the weights of an EfficientNet-Lite0, found no tensor _conv_stem.weight",
         path.string());
  }
  return load_encoder(*source, "", format_vision(EfficientNetConfig{}), path.string(), options);
}

ImageEncoderPart open_encoder_directory(const fs::path& directory, const PartOptions& options) {
  const DirectoryKind kind = directory_kind(directory);
  const fs::path config = directory / "config.json";
  const std::unique_ptr<TensorSource> source = open_source(directory);
  ImageEncoderPart part;
  if (kind == DirectoryKind::kImageEncoder) {
    part = load_encoder(*source, "", read_file(config), config.string(), options);
  } else if (is_blip2_kind(kind) || is_blip1(kind)) {
    const std::string vision = is_blip2_kind(kind) ? read_bundle_config(directory).vision_json
                                                   : read_blip_config(directory).vision_json;
    part =
        load_encoder(*source, kVisionPrefix, vision, config.string() + ": vision_config", options);
  } else {
    fail(ErrorCode::kInvalidArgument, "{}: expected an image encoder, found another kind of model",
         directory.string());
  }
  const fs::path transform = directory / "preprocessor_config.json";
  if (fs::exists(transform))
    part.transform = parse_transform(read_file(transform), transform.string());
  const auto* vit = dynamic_cast<const VitEncoder*>(part.encoder.get());
  if (options.image_size > 0 && vit != nullptr) show_at(part.transform, options.image_size);
  return part;
}

std::string generation_json(const fs::path& directory) {
  const fs::path path = directory / "generation_config.json";
  if (!fs::exists(path)) return "{}";
  std::string text = read_file(path);
  parse_json_object<nlohmann::ordered_json>(
      text, path.string());  // checked here, read by whoever generates
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

/// The ids that a tokenizer puts into a text by itself, the one that ends a text, and all others
/// must be rows of the model's table.
void check_ids(const fs::path& path, const Tokenizer& tokenizer, int64_t num_words) {
  std::vector<int64_t> ids = tokenizer.encode("");
  if (const int64_t eos = tokenizer.special_ids().eos; eos >= 0) ids.push_back(eos);
  check_needed_ids(path, tokenizer, ids, num_words);
}

LanguageModelPart finish(LanguageModelPart part, LanguageWeights weights,
                         const LanguageConfig& config, const PartOptions& options) {
  move_to(weight_tensors(weights), options.device);
  part.model = make_language_model(std::move(weights));
  set_trainable(part.model->tensors(), false);
  part.width = width_of(config);
  part.max_positions = max_positions(config);
  part.vocab_size = vocab_size(config);
  return part;
}

LanguageModelPart open_gguf(const fs::path& path, const PartOptions& options) {
  const GgufFile file(path);
  LanguageModelPart part;
  const LlamaConfig config = llama_config_from_gguf(file);
  part.text_json = format_language(config);
  part.tokenizer = tokenizer_from_gguf(file);
  check_ids(path, *part.tokenizer, config.vocab_size);
  nlohmann::ordered_json generation = nlohmann::ordered_json::object();
  if (config.bos_token_id >= 0) generation["bos_token_id"] = config.bos_token_id;
  if (config.eos_token_id >= 0) generation["eos_token_id"] = config.eos_token_id;
  if (config.pad_token_id >= 0) generation["pad_token_id"] = config.pad_token_id;
  part.generation_json = generation.dump(2);
  return finish(std::move(part), load_llama(file), config, options);
}

LanguageModelPart open_language_directory(const fs::path& directory, const PartOptions& options) {
  const DirectoryKind kind = directory_kind(directory);
  std::string where = (directory / "config.json").string(), prefix;
  LanguageModelPart part;
  LoadOptions loading{.copy = false,
                      .check_finite = options.finiteness == Finiteness::kChecked,
                      .ignore_unused = unused_buffers()};
  if (kind == DirectoryKind::kLanguageModel) {
    part.text_json = read_file(directory / "config.json");
  } else if (kind == DirectoryKind::kGeneration || kind == DirectoryKind::kInstruct) {
    part.text_json = read_bundle_config(directory).text_json;
    where += ": text_config";
    prefix = kLanguagePrefix;
    loading.ignore_unused = tensors_beside_language();
  } else {
    fail(ErrorCode::kInvalidArgument, "{}: expected a language model, found another kind of model",
         directory.string());
  }
  LanguageConfig config = parse_language(part.text_json, where);
  if (options.t5_activation == T5Activation::kExactGelu &&
      std::holds_alternative<T5Config>(config)) {
    part.text_json = with_exact_gelu(part.text_json);
    config = parse_language(part.text_json, where);
  }
  const std::unique_ptr<TensorSource> source = open_source(directory);
  refuse_excess(claimed_parameters(config), *source);
  LanguageWeights weights = make_language_weights(config);
  const std::vector<Slot> slots = language_slots(weights, config, prefix);
  keep_stored_dtypes(slots, *source);
  load(*source, slots, loading);
  part.tokenizer = load_tokenizer(directory);
  check_ids(directory, *part.tokenizer, vocab_size(config));
  part.generation_json = generation_json(directory);
  return finish(std::move(part), std::move(weights), config, options);
}

}  // namespace

ImageEncoderPart open_image_encoder(const fs::path& path, const PartOptions& options) {
  if (is_shape_word(path)) {
    fail(ErrorCode::kUnsupported,
         "image encoder {}: this version opens a directory or file of weights", path.string());
  }
  require_there(path, "a directory or file of an image encoder");
  if (fs::exists(path / "config.json")) return open_encoder_directory(path, options);
  const fs::path file = only_file(path, ".pth");
  if (!file.empty()) return open_encoder_file(file, options);
  fail(ErrorCode::kNotFound, "{}: expected config.json or one .pth file", path.string());
}

LanguageModelPart open_language_model(const fs::path& path, const PartOptions& options) {
  require_there(path, "a directory or file of a language model");
  if (fs::exists(path / "config.json")) return open_language_directory(path, options);
  const fs::path file = only_file(path, ".gguf");
  if (!file.empty()) return open_gguf(file, options);
  fail(ErrorCode::kNotFound, "{}: expected config.json or one .gguf file", path.string());
}

void move_to(const std::vector<NamedTensor>& tensors, at::Device device) {
  for (const NamedTensor& named : tensors) *named.tensor = named.tensor->to(device);
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

void refuse_excess(double claimed, const TensorSource& source) {
  double held = 0;
  for (const TensorInfo& info : source.infos()) {
    double elements = 1;
    for (const int64_t size : info.shape) elements *= static_cast<double>(size);
    held += elements;
  }
  // Heads that a file may lack are the slack.
  if (claimed > 1.1 * held + 1e6) {
    fail(ErrorCode::kCorruptData,
         "{}: the configuration beside it claims {:.0f} parameters, the file holds {:.0f}",
         source.describe(), claimed, held);
  }
}

const std::vector<std::string>& tensors_beside_vision() {
  static const std::vector<std::string> patterns = {"query_tokens",
                                                    "temp",
                                                    "qformer.**",
                                                    "embeddings.**",
                                                    "cls.**",
                                                    "itm_head.**",
                                                    "vision_projection.**",
                                                    "text_projection.**",
                                                    "vision_proj.**",
                                                    "text_proj.**",
                                                    "text_encoder.**",
                                                    "text_decoder.**",
                                                    "**.position_ids",
                                                    "language_projection.**",
                                                    "language_model.**",
                                                    "vision_model.post_layernorm.**"};
  return patterns;
}

const std::vector<std::string>& tensors_beside_language() {
  static const std::vector<std::string> patterns = [] {
    std::vector<std::string> all = tensors_beside_vision();
    std::erase(all, "language_model.**");
    all.insert(all.end(), {"vision_model.**", "**.rotary_emb.inv_freq"});
    return all;
  }();
  return patterns;
}

const std::vector<std::string>& tensors_beside_trained() {
  static const std::vector<std::string> patterns = {"vision_model.**", "language_model.**",
                                                    "**.position_ids"};
  return patterns;
}

}  // namespace blip2
