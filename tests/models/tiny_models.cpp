#include "tests/models/tiny_models.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>

#include <utility>

#include "blip2/checkpoint/safetensors.h"
#include "blip2/models/configs/bundle_config.h"
#include "blip2/models/directory/families.h"
#include "blip2/models/language/llama_language_model.h"
#include "blip2/models/names/blip.h"
#include "blip2/models/names/hugging_face.h"
#include "blip2/text/byte_bpe.h"

namespace blip2::testing {
namespace {

namespace fs = std::filesystem;

const char* const kWords = "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nred\nfox\n##es\nmoon\n";  // [DEC] is 9

EfficientNetConfig tiny_vision() {
  EfficientNetConfig config;
  config.stem_width = 4;
  config.stages = {{1, 3, 1, 1, 3}, {2, 5, 2, 2, 5}};
  config.head_width = 6;
  config.num_classes = 7;
  config.image_size = 16;
  return config;
}

QFormerConfig tiny_qformer() {
  QFormerConfig config;
  config.hidden_size = 12;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 3;
  config.intermediate_size = 20;
  config.vocab_size = 10;
  config.max_position_embeddings = 11;
  config.encoder_hidden_size = 6;
  config.num_query_tokens = 5;
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
  bundle.vision_json = format_vision(tiny_vision());
  bundle.image_encoder = make_image_encoder(std::move(vision));
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
  return ByteBpe::from_parts(std::move(parts));
}

std::unique_ptr<Tokenizer> tiny_words(const fs::path& scratch) {
  write_file_atomic(scratch / "vocab.txt", kWords);
  const std::vector<std::string> extra = {"[DEC]"};
  return load_tokenizer(scratch, extra);
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
  bundle.stage1 = make_stage1({.qformer = tiny_qformer(), .embed_dim = 7, .image_norm_eps = 1e-5});
  fill_distinct(named_tensors(*bundle.stage1), 2);
  bundle.qformer_tokenizer = tiny_words(scratch);
  bundle.max_text_length = 9;
  return bundle;
}

Bundle tiny_generative(const fs::path&) {
  const at::NoGradGuard no_grad;
  Bundle bundle;
  set_vision(bundle);
  bundle.generative = make_generative(tiny_qformer(), 1e-6, 24);
  fill_distinct(named_tensors(*bundle.generative), 3);
  Llama llama = make_llama(tiny_llama());
  fill_distinct(named_tensors(llama), 4);
  bundle.language_model = std::make_unique<LlamaLanguageModel>(std::move(llama));
  bundle.text_json = format_language(tiny_llama());
  bundle.text_tokenizer = tiny_bpe();
  bundle.generation_json = R"({"max_new_tokens": 7})";
  bundle.prompt = "A picture of";
  bundle.max_text_length = 12;
  return bundle;
}

Bundle tiny_instruct(const fs::path& scratch) {
  const at::NoGradGuard no_grad;
  Bundle bundle = tiny_generative(scratch);
  bundle.generative = make_generative(tiny_qformer(), 1e-6, 24, TextSide::kPresent);
  fill_distinct(named_tensors(*bundle.generative), 6);
  bundle.qformer_tokenizer = tiny_words(scratch);
  return bundle;
}

void write_tiny_bert(const fs::path& directory, bool prefixed) {
  const at::NoGradGuard no_grad;
  make_directories(directory);
  QFormerConfig config = tiny_qformer();
  config.vocab_size = 9;
  Stage1 model = make_stage1({.qformer = config, .embed_dim = 7});
  fill_distinct(named_tensors(model), 5);
  const NameTable& names = prefixed ? prefixed_bert_names() : bert_names();
  std::vector<StoredTensor> tensors;
  for (const NamedTensor& named : named_tensors(model)) {
    const auto theirs = names.to_theirs(named.name);
    if (!theirs || (!prefixed && theirs->starts_with("cls."))) continue;
    tensors.push_back({*theirs, *named.tensor});
  }
  const std::string prefix = prefixed ? "bert." : "";
  tensors.push_back({prefix + "embeddings.token_type_embeddings.weight",
                     at::arange(24, at::kFloat).reshape({2, 12}) * 0.01});
  tensors.push_back({prefix + "pooler.dense.bias", at::arange(12, at::kFloat)});
  write_safetensors(directory / "model.safetensors", tensors);
  write_file_atomic(directory / "vocab.txt", kWords);
  write_file_atomic(directory / "config.json",
                    R"({"model_type": "bert", "hidden_size": 12, "num_hidden_layers": 3,
  "num_attention_heads": 3, "intermediate_size": 20, "vocab_size": 9, "max_position_embeddings": 11,
  "hidden_act": "gelu", "layer_norm_eps": 1e-12})");
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
  const BlipConfig config = read_blip_config(directory);
  VisionWeights vision = make_vision_weights(parse_vision(config.vision_json, "tiny"));
  LayerNorm norm = make_layer_norm(config.text.encoder_hidden_size, config.image_norm_eps);
  BlipCaptioner captioner = make_blip_captioner(config.text, config.output);
  std::vector<StoredTensor> tensors;
  add_distinct(tensors, kVisionPrefix, weight_tensors(vision));
  add_distinct(tensors, "vision_model.post_layernorm.", named_tensors(norm));
  std::vector<NamedTensor> text = named_tensors(captioner);
  for (NamedTensor& named : text) named.name = blip_names().to_theirs(named.name).value();
  add_distinct(tensors, "", text);
  write_safetensors(directory / "model.safetensors", tensors);
  write_file_atomic(directory / "preprocessor_config.json", R"({"size": 16})");
  tiny_words(directory)->save(directory);
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
  Clip clip = make_clip(read_clip_config(directory));
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
              : kind == "Generation" ? tiny_generative(scratch)
                                     : tiny_instruct(scratch),
              directory);
}

}  // namespace blip2::testing
