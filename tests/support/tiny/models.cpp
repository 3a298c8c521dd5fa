// Each kind of model in its smallest form; the words of the tokenizers.
#include "tests/support/tiny/models.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/arange.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "blip2/base/files.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/random.h"
#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/blip2_model.h"
#include "blip2/models/blip_model.h"
#include "blip2/models/clip_model.h"
#include "blip2/models/configs/blip_config.h"
#include "blip2/models/language/llama_language_model.h"
#include "blip2/models/names/blip.h"
#include "blip2/models/names/hugging_face.h"
#include "blip2/models/vision/efficientnet.h"
#include "blip2/models/vision/families.h"
#include "blip2/text/byte_bpe.h"
#include "tests/support/tiny/shapes.h"
#include "tests/support/weights.h"

namespace blip2::testing {
namespace {

namespace fs = std::filesystem;

EfficientNetConfig tiny_vision() {
  EfficientNetConfig config;
  config.stem_width = 4;
  config.stages = {{1, 3, 1, 1, 3}, {2, 5, 2, 2, 5}};
  config.head_width = 6;
  config.num_classes = 7;
  config.image_size = 16;
  return config;
}

LlamaConfig tiny_llama() {
  LlamaConfig config;
  config.hidden_size = 24;
  config.intermediate_size = 28;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 8;
  config.vocab_size = 260;
  config.max_position_embeddings = 64;
  return config;
}

void set_vision(Bundle& bundle) {
  EfficientNet vision = make_efficientnet(tiny_vision());
  fill_distinct(named_tensors(vision), 1);
  bundle.vision_json = efficientnet_shape(tiny_vision()).json;
  bundle.image_encoder = std::make_unique<EfficientNetEncoder>(std::move(vision));
  bundle.transform = efficientnet_lite0_transform();
  bundle.transform.image_size = 16;
  bundle.transform.shorter_side = 20;
}

/// Every byte is a token; "a fox" needs no merge.
std::unique_ptr<Tokenizer> tiny_bpe() {
  ByteBpeParts parts;
  parts.frame.source = "tiny";
  parts.tokens = {"<unk>", "<s>", "</s>"};
  parts.token_types = {3, 3, 3};
  for (int byte = 0; byte < 256; ++byte) {
    const char32_t character = byte_character(static_cast<uint8_t>(byte));
    std::string token;
    if (character < 0x80) {
      token = static_cast<char>(character);
    } else {
      token = {static_cast<char>(0xC0 | (character >> 6)),
               static_cast<char>(0x80 | (character & 63))};
    }
    parts.tokens.push_back(token);
    parts.token_types.push_back(1);
  }
  parts.frame.special_ids = {.bos = 1, .eos = 2, .pad = 2, .unk = 0};
  return make_byte_bpe(std::move(parts));
}

/// A WordPiece tokenizer of `vocabulary`, a word a line, and [DEC] after them.
std::unique_ptr<Tokenizer> word_tokenizer(const fs::path& directory, const char* vocabulary) {
  make_directories(directory);
  write_file_atomic(directory / "vocab.txt", vocabulary);
  const std::vector<std::string> extra = {"[DEC]"};
  return load_tokenizer(directory, extra);
}

std::unique_ptr<Tokenizer> ten_words(const fs::path& directory) {
  return word_tokenizer(directory, kNineWords);
}

std::unique_ptr<Tokenizer> twelve_words(const TemporaryFolder& folder) {
  return word_tokenizer(folder / "tokenizer",
                        "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nred\ngreen\nblue\ncat\ndog\n");
}

/// Appends distinct tensors under `prefix` + their names.
void add_distinct(std::vector<StoredTensor>& all, const std::string& prefix,
                  const std::vector<NamedTensor>& tensors) {
  fill_distinct(tensors, all.size());
  for (const NamedTensor& named : tensors) all.push_back({prefix + named.name, *named.tensor});
}

/// The sizes of both vision transformers.
const char* const kVitJson = R"({"hidden_size": 6, "intermediate_size": 10, "num_hidden_layers": 2,
  "num_attention_heads": 3, "image_size": 16, "patch_size": 4})";

}  // namespace

at::Tensor tiny_pixels() {
  return (at::arange(3 * 16 * 16, at::kFloat) * 0.37).sin().reshape({1, 3, 16, 16});
}

Bundle tiny_retrieval(const fs::path& scratch) {
  const at::NoGradGuard no_grad;
  Bundle bundle;
  set_vision(bundle);
  bundle.qformer_tokenizer = ten_words(scratch);
  put_stage1(bundle,
             make_stage1({.qformer = tiny_qformer(), .embed_dim = 7, .image_norm_eps = 1e-5}));
  fill_distinct(named_tensors(*bundle.stage1), 2);
  bundle.max_text_length = 9;
  return bundle;
}

Bundle tiny_stage2(const fs::path&) {
  const at::NoGradGuard no_grad;
  Bundle bundle;
  set_vision(bundle);
  Llama llama = make_llama(tiny_llama());
  fill_distinct(named_tensors(llama), 4);
  bundle.language_model = std::make_unique<LlamaLanguageModel>(std::move(llama));
  bundle.text_json = llama_json(tiny_llama());
  bundle.text_tokenizer = tiny_bpe();
  put_stage2(bundle, make_stage2(tiny_qformer(), 1e-6, 24));
  fill_distinct(named_tensors(*bundle.stage2), 3);
  bundle.generation_json = R"({"max_new_tokens": 7})";
  bundle.prompt = "A picture of";
  bundle.max_text_length = 12;
  return bundle;
}

Bundle tiny_instruct(const fs::path& scratch) {
  const at::NoGradGuard no_grad;
  Bundle bundle = tiny_stage2(scratch);
  bundle.qformer_tokenizer = ten_words(scratch);
  put_stage2(bundle, make_stage2(tiny_qformer(), 1e-6, 24, TextSide::kPresent));
  fill_distinct(named_tensors(*bundle.stage2), 6);
  return bundle;
}

void write_tiny_blip(const fs::path& directory) {
  const at::NoGradGuard no_grad;
  make_directories(directory);
  write_file_atomic(directory / "config.json",
                    fmt::format(R"({{"model_type": "blip", "vision_config": {},
  "architectures": ["BlipForConditionalGeneration"], "text_config": {{"vocab_size": 10,
  "hidden_size": 12, "intermediate_size": 20, "num_hidden_layers": 2, "num_attention_heads": 3,
  "max_position_embeddings": 11, "bos_token_id": 9, "sep_token_id": 3}}}})",
                                kVitJson));
  const nlohmann::ordered_json json =
      read_json_object<nlohmann::ordered_json>(directory / "config.json");
  const BlipConfig config = parse_blip(ConfigFields(json, "tiny"));
  const ImageEncoderWeights vision = parse_image_encoder(config.vision_json, "tiny").make();
  LayerNorm norm = make_layer_norm(config.text.encoder_hidden_size, config.image_norm_eps);
  BlipCaptioner captioner = make_blip_captioner(config.text, config.output);
  std::vector<StoredTensor> tensors;
  add_distinct(tensors, kVisionPrefix, vision.tensors);
  add_distinct(tensors, "vision_model.post_layernorm.", named_tensors(norm));
  std::vector<NamedTensor> text = named_tensors(captioner);
  for (NamedTensor& named : text) named.name = blip_names().to_theirs(named.name).value();
  add_distinct(tensors, "", text);
  write_safetensors(directory / "model.safetensors", tensors);
  write_file_atomic(directory / "preprocessor_config.json", R"({"size": 16})");
  ten_words(directory)->save(directory);
}

void write_tiny_clip(const fs::path& directory) {
  const at::NoGradGuard no_grad;
  make_directories(directory);
  write_file_atomic(directory / "config.json",
                    fmt::format(R"({{"model_type": "clip", "vision_config": {},
  "architectures": ["CLIPModel"], "projection_dim": 7, "text_config": {{"vocab_size": 260,
  "hidden_size": 12, "intermediate_size": 20, "num_hidden_layers": 2, "num_attention_heads": 3,
  "max_position_embeddings": 11}}}})",
                                kVitJson));
  const nlohmann::ordered_json json =
      read_json_object<nlohmann::ordered_json>(directory / "config.json");
  Clip clip = make_clip(parse_clip(ConfigFields(json, "tiny")));
  std::vector<StoredTensor> tensors;
  add_distinct(tensors, "", named_tensors(clip));
  write_safetensors(directory / "model.safetensors", tensors);
  write_file_atomic(directory / "preprocessor_config.json", R"({"size": 16})");
  tiny_bpe()->save(directory);
}

void write_tiny_directory(const std::string& kind, const std::filesystem::path& scratch,
                          const std::filesystem::path& directory) {
  if (kind == "Blip") return write_tiny_blip(directory);
  if (kind == "Clip") return write_tiny_clip(directory);
  save_bundle(kind == "Retrieval"    ? tiny_retrieval(scratch)
              : kind == "Generation" ? tiny_stage2(scratch)
                                     : tiny_instruct(scratch),
              directory);
}

Stage1Config tiny_stage1_config() {
  Stage1Config config;
  config.qformer = {.hidden_size = 12,
                    .num_hidden_layers = 2,
                    .num_attention_heads = 3,
                    .intermediate_size = 20,
                    .vocab_size = 40,
                    .max_position_embeddings = 16,
                    .encoder_hidden_size = 9,
                    .num_query_tokens = 4};
  config.qformer.initializer_range = 0.3;
  config.embed_dim = 7;
  return config;
}

at::Tensor AveragingEncoder::encode(const at::Tensor& pixels) const {
  return at::adaptive_avg_pool2d(pixels, {3, 3}).flatten(2).transpose(1, 2).contiguous();
}

Bundle tiny_stage1(const TemporaryFolder& folder) {
  Bundle bundle;
  bundle.qformer_tokenizer = twelve_words(folder);
  bundle.image_encoder = std::make_unique<AveragingEncoder>();
  bundle.transform.image_size = 24;
  bundle.transform.shorter_side = 24;
  Stage1Config config;
  config.qformer.hidden_size = 16;
  config.qformer.num_hidden_layers = 2;
  config.qformer.num_attention_heads = 2;
  config.qformer.intermediate_size = 32;
  config.qformer.vocab_size = 12;
  config.qformer.max_position_embeddings = 20;
  config.qformer.encoder_hidden_size = 3;
  config.qformer.num_query_tokens = 4;
  config.embed_dim = 5;
  put_stage1(bundle, make_stage1(config));
  Random random(7, "tiny model");
  initialise(*bundle.stage1, random);
  for (const NamedTensor& named : named_tensors(*bundle.stage1)) {
    // Large weights: what a query becomes depends on the picture, and each query on its own.
    if (named.tensor->dim() >= 2) named.tensor->mul_(25);
  }
  bundle.max_text_length = 20;
  return bundle;
}

namespace {

BlipTextConfig tiny_blip_config() {
  BlipTextConfig config;
  config.vocab_size = 12;
  config.hidden_size = 16;
  config.encoder_hidden_size = 3;
  config.intermediate_size = 24;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 2;
  config.max_position_embeddings = 30;
  config.bos_token_id = 11;
  config.sep_token_id = 3;
  return config;
}

/// A BLIP-1 around `model`, made of tiny_blip_config().
template <typename Model>
Bundle tiny_blip(const TemporaryFolder& folder, Model model) {
  fill_distinct(named_tensors(model), 8, 0.6);
  Blip blip;
  blip.image_norm = make_layer_norm(3, 1e-5);
  fill_distinct(named_tensors(blip.image_norm), 9);
  blip.model = std::move(model);
  Bundle bundle;
  bundle.text_tokenizer = twelve_words(folder);
  bundle.image_encoder = std::make_unique<AveragingEncoder>();
  bundle.transform.image_size = 21;
  bundle.transform.shorter_side = 21;
  put_blip(bundle, std::move(blip));
  bundle.max_text_length = 30;
  bundle.max_positions = 30;
  return bundle;
}

}  // namespace

Bundle tiny_blip_captioner(const TemporaryFolder& folder) {
  return tiny_blip(folder, make_blip_captioner(tiny_blip_config(), OutputMatrix::kTied));
}

Bundle tiny_blip_answerer(const TemporaryFolder& folder) {
  return tiny_blip(folder, make_blip_answerer(tiny_blip_config(), OutputMatrix::kTied));
}

Bundle tiny_blip_matcher(const TemporaryFolder& folder) {
  return tiny_blip(folder, make_blip_matcher(tiny_blip_config(), 5));
}

Bundle tiny_clip(const TemporaryFolder& folder) {
  ClipConfig config;
  config.text = {.vocab_size = 12,
                 .hidden_size = 12,
                 .intermediate_size = 20,
                 .num_hidden_layers = 2,
                 .num_attention_heads = 3,
                 .max_position_embeddings = 25,
                 .bos_token_id = 2,
                 .eos_token_id = 3,
                 .pad_token_id = 0};
  config.vision.hidden_size = 16;
  config.vision.intermediate_size = 24;
  config.vision.num_hidden_layers = 2;
  config.vision.num_attention_heads = 2;
  config.vision.image_size = 18;
  config.vision.patch_size = 6;
  config.vision.has_post_layernorm = true;
  config.projection_dim = 7;
  Bundle bundle;
  Clip clip = make_clip(config);
  fill_distinct(named_tensors(clip), 10, 0.4);
  bundle.text_tokenizer = twelve_words(folder);
  put_clip(bundle, std::move(clip));
  bundle.transform.image_size = 18;
  bundle.transform.shorter_side = 18;
  bundle.max_text_length = 25;
  return bundle;
}

}  // namespace blip2::testing
