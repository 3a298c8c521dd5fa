// The config.json of BLIP-2, InstructBLIP and BERT, between JSON and values.
#include "blip2/models/configs/blip2_config.h"

#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/json_fields.h"

namespace blip2 {

using json = nlohmann::ordered_json;  // files keep their order

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
      {"use_qformer_text_input", kind == DirectoryKind::kStage1}};
}

/// The width that a `vision_config` says, without knowing the encoder.
int64_t vision_width(const ConfigFields& vision) { return vision.size("hidden_size", 1408); }

}  // namespace

Blip2Config parse_blip2(const ConfigFields& fields) {
  const std::string type = fields.text("model_type", "");
  if (type != "blip-2" && type != "instructblip") {
    fields.fail_at("model_type", "blip-2 or instructblip");
  }
  Blip2Config config;
  config.kind = directory_kind(fields);
  const json vision = fields.object("vision_config");
  const json qformer = fields.object("qformer_config");
  const ConfigFields vision_fields(vision, fields.where() + ": vision_config");
  config.vision_json = vision.dump(2);
  config.image_norm_eps = vision_fields.positive("layer_norm_eps", 1e-6);
  config.qformer = parse_qformer(ConfigFields(qformer, fields.where() + ": qformer_config"));
  // Hugging Face overwrites encoder_hidden_size with the encoder's width, whatever the file says.
  config.qformer.encoder_hidden_size = vision_width(vision_fields);
  config.qformer.num_query_tokens = fields.size("num_query_tokens", 32);
  config.image_text_hidden_size = fields.size("image_text_hidden_size", 256);
  config.max_text_length = fields.has("max_text_length") ? fields.size("max_text_length", 1) : 0;
  config.prompt = fields.text("prompt", "");
  if (config.prompt.find("<image>") != std::string::npos) {
    fields.fail_at("prompt", "a text without \"<image>\", which stands for the picture");
  }
  config.image_token_id =
      fields.first_integer("image_token_index", fields.first_integer("image_token_id", -1));
  if (config.kind != DirectoryKind::kStage1) {
    config.text_json = fields.object("text_config").dump(2);
  }
  return config;
}

std::string format_blip2(const Blip2Config& config) {
  const bool retrieval = config.kind == DirectoryKind::kStage1;
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

QFormerConfig parse_bert(const ConfigFields& fields) { return parse_encoder(fields); }

}  // namespace blip2
