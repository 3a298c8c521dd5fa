// The config.json of BLIP-2, InstructBLIP and BERT, between JSON and values.
#include "blip2/models/configs/blip2_config.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/json_fields.h"
#include "blip2/models/keys/common_keys.h"
#include "blip2/models/vision/families.h"

namespace blip2 {

using json = nlohmann::ordered_json;  // files keep their order

namespace {

/// What BERT and the Q-Former call alike.
QFormerConfig parse_encoder(const ConfigFields& fields, KnownKeys more) {
  more.read = joined(std::move(more.read),
                     {"hidden_act", "position_embedding_type", "vocab_size", "hidden_size",
                      "num_hidden_layers", "num_attention_heads", "intermediate_size",
                      "max_position_embeddings", "layer_norm_eps", "initializer_range"});
  require_known_keys(fields, without_generation(std::move(more)));
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

QFormerConfig parse_qformer(const ConfigFields& fields, DirectoryKind kind) {
  // Hugging Face overwrites encoder_hidden_size with the encoder's width, whatever the file says.
  QFormerConfig config =
      parse_encoder(fields, {.read = {"cross_attention_frequency", "use_qformer_text_input"},
                             .ignored = {"encoder_hidden_size", "type_vocab_size"}});
  // Without the text's side, which a model that writes may have and not use.
  if (kind == DirectoryKind::kStage1) fields.require_flag("use_qformer_text_input", true);
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

/// What a `vision_config` says without knowing the encoder: its width, and the epsilon of its norms,
/// which is also that of the norm behind it in Hugging Face's classes.
int64_t vision_width(const ConfigFields& vision) { return vision.size("hidden_size", 1408); }
double encoder_eps(const ConfigFields& vision) { return vision.positive("layer_norm_eps", 1e-6); }

/// Whether an encoder has layer norms, and so an epsilon of its own.
bool has_norms(const std::string& vision_json) {
  return json::parse(parse_image_encoder(vision_json, "vision_config").json)
      .contains("layer_norm_eps");
}

KnownKeys blip2_keys() {
  return without_generation(
      {.read = {"vision_config", "qformer_config", "text_config", "num_query_tokens",
                "image_text_hidden_size", "max_text_length", "prompt", "image_token_index",
                "image_token_id", "image_norm_eps"},
       .ignored = {"use_decoder_only_language_model"}});
}

}  // namespace

Blip2Config parse_blip2(const ConfigFields& fields) {
  const std::string type = fields.text("model_type", "");
  if (type != "blip-2" && type != "instructblip") {
    fields.fail_at("model_type", "blip-2 or instructblip");
  }
  require_known_keys(fields, blip2_keys());
  Blip2Config config;
  config.kind = directory_kind(fields);
  const json vision = fields.object("vision_config");
  const json qformer = fields.object("qformer_config");
  const ConfigFields vision_fields(vision, fields.where() + ": vision_config");
  config.vision_json = vision.dump(2);
  config.image_norm_eps = fields.positive("image_norm_eps", encoder_eps(vision_fields));
  config.qformer =
      parse_qformer(ConfigFields(qformer, fields.where() + ": qformer_config"), config.kind);
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
  const bool has_own_eps = has_norms(config.vision_json);
  if (!has_own_eps) vision["layer_norm_eps"] = config.image_norm_eps;
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
  // A key of this program: Hugging Face's classes have one epsilon for the encoder and for the norm
  // behind it.
  if (has_own_eps && config.image_norm_eps != encoder_eps(ConfigFields(vision, "vision_config"))) {
    object["image_norm_eps"] = config.image_norm_eps;
  }
  if (config.image_token_id >= 0) object["image_token_index"] = config.image_token_id;
  object["max_text_length"] = config.max_text_length;
  return object.dump(2);
}

QFormerConfig parse_bert(const ConfigFields& fields) {
  return parse_encoder(fields, {.read = {},
                                .ignored = {"type_vocab_size", "directionality", "pooler_fc_size",
                                            "pooler_num_attention_heads", "pooler_num_fc_layers",
                                            "pooler_size_per_head", "pooler_type"}});
}

}  // namespace blip2
