#include "blip2/models/configs/bundle_config.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/json_fields.h"
#include "blip2/base/quote.h"
#include "blip2/models/configs/config_fields.h"

namespace blip2 {

using json = nlohmann::ordered_json;  // files keep their order
namespace fs = std::filesystem;

namespace {

/// What BERT and the Q-Former call alike.
QFormerConfig parse_encoder(const ConfigFields& fields) {
  fields.require_text("hidden_act", "gelu");
  fields.require_text("position_embedding_type", "absolute");
  QFormerConfig config;
  config.vocab_size = fields.size("vocab_size", 30522);
  config.hidden_size = fields.size("hidden_size", config.hidden_size);
  config.num_hidden_layers = fields.size("num_hidden_layers", config.num_hidden_layers);
  config.num_attention_heads = fields.size("num_attention_heads", config.num_attention_heads);
  config.intermediate_size = fields.size("intermediate_size", config.intermediate_size);
  config.max_position_embeddings =
      fields.size("max_position_embeddings", config.max_position_embeddings);
  config.layer_norm_eps = fields.positive("layer_norm_eps", config.layer_norm_eps);
  config.initializer_range = fields.positive("initializer_range", config.initializer_range);
  if (config.hidden_size % config.num_attention_heads != 0) {
    fields.fail_at("num_attention_heads", fmt::format("a divisor of {}", config.hidden_size));
  }
  return config;
}

QFormerConfig parse_qformer(const ConfigFields& fields) {
  QFormerConfig config = parse_encoder(fields);
  config.cross_attention_frequency =
      fields.size("cross_attention_frequency", config.cross_attention_frequency);
  return config;
}

json format_qformer(const QFormerConfig& config, DirectoryKind kind) {
  return {
      {"model_type", kind == DirectoryKind::kInstruct ? "instructblip_qformer" : "blip_2_qformer"},
      {"vocab_size", config.vocab_size},
      {"hidden_size", config.hidden_size},
      {"num_hidden_layers", config.num_hidden_layers},
      {"num_attention_heads", config.num_attention_heads},
      {"intermediate_size", config.intermediate_size},
      {"hidden_act", "gelu"},
      {"max_position_embeddings", config.max_position_embeddings},
      {"layer_norm_eps", config.layer_norm_eps},
      {"initializer_range", config.initializer_range},
      {"position_embedding_type", "absolute"},
      {"cross_attention_frequency", config.cross_attention_frequency},
      {"encoder_hidden_size", config.encoder_hidden_size},
      {"use_qformer_text_input", kind == DirectoryKind::kRetrieval}};
}

/// The width that a `vision_config` says, without knowing the encoder.
int64_t vision_width(const ConfigFields& vision) { return vision.size("hidden_size", 1408); }

struct KnownClass {
  const char* model_type;
  const char* name;
  DirectoryKind kind;
};

/// The whole models; the first of a type is what a file without `architectures` means.
constexpr KnownClass kClasses[] = {
    {"blip-2", "Blip2ForConditionalGeneration", DirectoryKind::kGeneration},
    {"blip-2", "Blip2ForImageTextRetrieval", DirectoryKind::kRetrieval},
    {"instructblip", "InstructBlipForConditionalGeneration", DirectoryKind::kInstruct},
    {"blip", "BlipForConditionalGeneration", DirectoryKind::kBlipCaptioning},
    {"blip", "BlipForImageTextRetrieval", DirectoryKind::kBlipMatching},
    {"blip", "BlipForQuestionAnswering", DirectoryKind::kBlipAnswering},
    {"clip", "CLIPModel", DirectoryKind::kClip},
};

DirectoryKind whole_kind(const ConfigFields& fields, const std::string& type) {
  const json* list = fields.find("architectures");
  const bool is_said =
      list != nullptr && list->is_array() && !list->empty() && list->front().is_string();
  std::string known;
  for (const KnownClass& one : kClasses) {
    if (type != one.model_type) continue;
    if (!is_said || list->front() == one.name) return one.kind;
    known += (known.empty() ? "" : ", ") + std::string(one.name);
  }
  fail(ErrorCode::kUnsupported, "{}: architectures: expected {}, found {}", fields.where(), known,
       quote(list->front().get<std::string>()));
}

bool is_whole(const std::string& type) {
  return std::any_of(std::begin(kClasses), std::end(kClasses),
                     [&](const KnownClass& one) { return type == one.model_type; });
}

}  // namespace

bool is_model_config(std::string_view content) {
  const json config = json::parse(content, nullptr, false);
  if (!config.is_object()) return false;
  return (config.contains("model_type") && config["model_type"].is_string()) ||
         (config.contains("architectures") && config["architectures"].is_array());
}

DirectoryKind directory_kind(const fs::path& directory) {
  const fs::path path = directory / "config.json";
  const json object = read_json_object<json>(path);
  const ConfigFields fields(object, path.string());
  const std::string type = fields.text("model_type", "");
  if (is_whole(type)) return whole_kind(fields, type);
  if (type == "efficientnet_lite" || type.ends_with("_vision_model")) {
    return DirectoryKind::kImageEncoder;
  }
  if (type == "bert") return DirectoryKind::kBert;
  if (type == "llama" || type == "opt" || type == "t5") return DirectoryKind::kLanguageModel;
  fail(ErrorCode::kUnsupported,
       "{}: model_type: expected blip-2, instructblip, blip, clip, an image encoder "
       "(efficientnet_lite, blip_2_vision_model, clip_vision_model, ...), bert, llama, opt or t5, "
       "found {}",
       path.string(), quote(type));
}

bool is_blip1(DirectoryKind kind) {
  return kind == DirectoryKind::kBlipCaptioning || kind == DirectoryKind::kBlipMatching ||
         kind == DirectoryKind::kBlipAnswering;
}

std::string class_name(DirectoryKind kind) {
  for (const KnownClass& one : kClasses) {
    if (one.kind == kind) return one.name;
  }
  return "";
}

BundleConfig read_bundle_config(const fs::path& directory) {
  const fs::path path = directory / "config.json";
  const json object = read_json_object<json>(path);
  const ConfigFields fields(object, path.string());
  const std::string type = fields.text("model_type", "");
  if (type != "blip-2" && type != "instructblip") {
    fields.fail_at("model_type", "blip-2 or instructblip");
  }
  BundleConfig config;
  config.kind = whole_kind(fields, type);
  const json vision = fields.object("vision_config");
  const json qformer = fields.object("qformer_config");
  const ConfigFields vision_fields(vision, path.string() + ": vision_config");
  config.vision_json = vision.dump(2);
  config.image_norm_eps = vision_fields.positive("layer_norm_eps", 1e-6);
  config.qformer = parse_qformer(ConfigFields(qformer, path.string() + ": qformer_config"));
  // Hugging Face overwrites encoder_hidden_size with the encoder's width, whatever the file says.
  config.qformer.encoder_hidden_size = vision_width(vision_fields);
  config.qformer.num_query_tokens = fields.size("num_query_tokens", 32);
  config.image_text_hidden_size = fields.size("image_text_hidden_size", 256);
  config.max_text_length = fields.has("max_text_length") ? fields.size("max_text_length", 1) : 0;
  config.prompt = fields.text("prompt", "");
  if (config.prompt.find("<image>") != std::string::npos) {
    fields.fail_at("prompt", "a text without \"<image>\", which stands for the picture");
  }
  config.image_token_id = fields.integer("image_token_index", fields.integer("image_token_id", -1));
  if (config.kind != DirectoryKind::kRetrieval) {
    config.text_json = fields.object("text_config").dump(2);
  }
  return config;
}

std::string format_bundle_config(const BundleConfig& config) {
  const bool retrieval = config.kind == DirectoryKind::kRetrieval;
  json vision = json::parse(config.vision_json);
  vision["layer_norm_eps"] = config.image_norm_eps;
  json object = {
      {"architectures", {class_name(config.kind)}},
      {"model_type", config.kind == DirectoryKind::kInstruct ? "instructblip" : "blip-2"},
      {"num_query_tokens", config.qformer.num_query_tokens},
      {"image_text_hidden_size", config.image_text_hidden_size},
      {"torch_dtype", "float32"},
      {"vision_config", vision},
      {"qformer_config", format_qformer(config.qformer, config.kind)}};
  if (!retrieval) {
    object["text_config"] = json::parse(config.text_json);
    object["use_decoder_only_language_model"] = object["text_config"]["model_type"] != "t5";
    object["prompt"] = config.prompt;
  }
  if (config.image_token_id >= 0) object["image_token_index"] = config.image_token_id;
  object["max_text_length"] = config.max_text_length;
  return object.dump(2);
}

QFormerConfig read_bert_config(const fs::path& directory) {
  const fs::path path = directory / "config.json";
  const json object = read_json_object<json>(path);
  return parse_encoder(ConfigFields(object, path.string()));
}

}  // namespace blip2
