#include "blip2/models/bundle_config.h"

#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/checkpoint/messages.h"
#include "blip2/models/config_fields.h"

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
  return {{"model_type", "blip_2_qformer"},
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

DirectoryKind blip2_kind(const ConfigFields& fields) {
  const json* list = fields.find("architectures");
  const std::string name =
      list != nullptr && list->is_array() && !list->empty() && list->front().is_string()
          ? list->front().get<std::string>()
          : "Blip2ForConditionalGeneration";
  if (name == "Blip2ForImageTextRetrieval") return DirectoryKind::kRetrieval;
  if (name == "Blip2ForConditionalGeneration") return DirectoryKind::kGeneration;
  fail(ErrorCode::kUnsupported,
       "{}: architectures: this program knows Blip2ForImageTextRetrieval and "
       "Blip2ForConditionalGeneration, found {}",
       fields.where(), quote(name));
}

}  // namespace

DirectoryKind directory_kind(const fs::path& directory) {
  const fs::path path = directory / "config.json";
  const json object = read_config(path);
  const ConfigFields fields(object, path.string());
  const std::string type = fields.text("model_type", "");
  if (type == "blip-2") return blip2_kind(fields);
  if (type == "efficientnet_lite") return DirectoryKind::kImageEncoder;
  if (type == "bert") return DirectoryKind::kBert;
  if (type == "llama") return DirectoryKind::kLanguageModel;
  fail(ErrorCode::kUnsupported,
       "{}: model_type: this version knows blip-2, efficientnet_lite, bert and llama, found {}",
       path.string(), quote(type));
}

BundleConfig read_bundle_config(const fs::path& directory) {
  const fs::path path = directory / "config.json";
  const json object = read_config(path);
  const ConfigFields fields(object, path.string());
  if (fields.text("model_type", "") != "blip-2") fields.fail_at("model_type", "blip-2");
  BundleConfig config;
  config.kind = blip2_kind(fields);
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
  if (config.kind == DirectoryKind::kGeneration) {
    config.text_json = fields.object("text_config").dump(2);
  }
  return config;
}

std::string format_bundle_config(const BundleConfig& config) {
  const bool retrieval = config.kind == DirectoryKind::kRetrieval;
  json vision = json::parse(config.vision_json);
  vision["layer_norm_eps"] = config.image_norm_eps;
  json object = {{"architectures",
                  {retrieval ? "Blip2ForImageTextRetrieval" : "Blip2ForConditionalGeneration"}},
                 {"model_type", "blip-2"},
                 {"num_query_tokens", config.qformer.num_query_tokens},
                 {"image_text_hidden_size", config.image_text_hidden_size},
                 {"torch_dtype", "float32"},
                 {"vision_config", vision},
                 {"qformer_config", format_qformer(config.qformer, config.kind)}};
  if (!retrieval) {
    object["text_config"] = json::parse(config.text_json);
    object["use_decoder_only_language_model"] = true;
    object["prompt"] = config.prompt;
  }
  object["max_text_length"] = config.max_text_length;
  return object.dump(2);
}

QFormerConfig read_bert_config(const fs::path& directory) {
  const fs::path path = directory / "config.json";
  const json object = read_config(path);
  return parse_encoder(ConfigFields(object, path.string()));
}

}  // namespace blip2
