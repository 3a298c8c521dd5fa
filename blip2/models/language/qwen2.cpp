// The family record of Qwen2: its configuration from JSON.
#include "blip2/models/language/qwen2.h"

#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/models/language/llama_language_model.h"

namespace blip2 {
namespace {

/// Throws kUnsupported where a layer attends to the last tokens only.
void refuse_sliding_window(const ConfigFields& fields) {
  fields.require_flag("use_sliding_window", false);
  if (!fields.has("layer_types")) return;
  for (const auto& value : fields.array("layer_types")) {
    const std::string type = as_text(value, fields.where("layer_types"));
    if (type == "full_attention") continue;
    fail(ErrorCode::kUnsupported, "{}: only full_attention is supported, found {}",
         fields.where("layer_types"), quote(type));
  }
}

/// The defaults are those of Hugging Face's Qwen2Config.
LlamaConfig parse_qwen2(const ConfigFields& fields) {
  refuse_sliding_window(fields);
  LlamaConfig config;
  config.title = "Qwen2";
  config.hidden_size = 4096;
  config.intermediate_size = 22016;
  config.num_hidden_layers = 32;
  config.num_attention_heads = 32;
  config.rope_theta = 10000.0;
  config.rms_norm_eps = 1e-6;
  config.vocab_size = 151936;
  config.max_position_embeddings = 32768;
  config.tie_word_embeddings = false;
  config.bos_token_id = config.eos_token_id = config.pad_token_id = -1;
  read_llama_fields(fields, config,
                    {.read = {"use_sliding_window", "layer_types"},
                     .ignored = {"sliding_window", "max_window_layers"},
                     .fixed = {{"use_mrope", "false"}, {"qkv_bias", "true"}}});
  config.attention_bias = config.mlp_bias = false;  // keys that Hugging Face's Qwen2 ignores
  config.qkv_bias = true;
  return config;
}

}  // namespace

LanguageModelFamily qwen2_family() {
  return {"qwen2",
          [](const ConfigFields& fields) { return llama_shape(parse_qwen2(fields), "qwen2"); }};
}

}  // namespace blip2
