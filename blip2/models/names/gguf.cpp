// The table between our names of LLaMA's tensors and GGUF's, and loading from it.
#include "blip2/models/names/gguf.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/base/shape_text.h"
#include "blip2/checkpoint/load.h"

namespace blip2 {
namespace {

int64_t uint_or(const GgufFile& file, const std::string& key, int64_t otherwise) {
  return file.has_key(key) ? file.get_int(key) : otherwise;
}

/// The first dimension of a matrix whose second must be `width`.
int64_t rows_of(const GgufFile& file, const std::string& name, int64_t width) {
  const TensorInfo* info = find_info(file, name);
  if (info == nullptr) fail(ErrorCode::kCorruptData, "{}: no tensor {}", file.describe(), name);
  if (info->shape.size() != 2 || info->shape[1] != width) {
    fail(ErrorCode::kCorruptData, "{}: {}: expected a matrix of rows of {}, found {}",
         file.describe(), name, width, shape_text(info->shape));
  }
  return info->shape[0];
}

void require_rows(const GgufFile& file, const std::string& name, int64_t width, int64_t rows) {
  const int64_t found = rows_of(file, name, width);
  if (found != rows) {
    fail(ErrorCode::kCorruptData, "{}: {} must have {} rows by the metadata, found {}",
         file.describe(), name, rows, found);
  }
}

/// Checks sizes that the metadata claims against the tensors, so that nothing is allocated on its
/// word.
void check_claims(const GgufFile& file, const LlamaConfig& config) {
  const int64_t width = config.hidden_size;
  const std::string last = fmt::format("blk.{}.", config.num_hidden_layers - 1);
  for (const std::string& block : {std::string("blk.0."), last}) {
    require_rows(file, block + "attn_q.weight", width,
                 config.num_attention_heads * config.head_dim);
    require_rows(file, block + "attn_k.weight", width,
                 config.num_key_value_heads * config.head_dim);
    require_rows(file, block + "ffn_gate.weight", width, config.intermediate_size);
  }
}

void require_supported(const GgufFile& file) {
  const std::string architecture = file.get_string("general.architecture");
  if (architecture != "llama") {
    fail(ErrorCode::kUnsupported, "{}: architecture \"llama\" expected, found {}", file.describe(),
         quote(architecture));
  }
  const std::string scaling = "llama.rope.scaling.type";
  if (file.has_key(scaling) && file.get_string(scaling) != "none") {
    fail(ErrorCode::kUnsupported, "{}: rotary embedding without scaling expected, found {}",
         file.describe(), quote(file.get_string(scaling)));
  }
  if (file.has("rope_freqs.weight")) {
    fail(ErrorCode::kUnsupported, "{}: rotary frequencies of its own (rope_freqs.weight)",
         file.describe());
  }
  if (file.has("blk.0.ffn_gate_inp.weight")) {
    fail(ErrorCode::kUnsupported, "{}: a mixture of experts", file.describe());
  }
}

}  // namespace

const NameTable& llama_gguf_names() {
  static const NameTable table({
      {"model.embed_tokens.**", "token_embd.**"},
      {"model.norm.**", "output_norm.**"},
      {"lm_head.**", "output.**"},
      {"model.layers.*.input_layernorm.**", "blk.*.attn_norm.**"},
      {"model.layers.*.self_attn.q_proj.**", "blk.*.attn_q.**"},
      {"model.layers.*.self_attn.k_proj.**", "blk.*.attn_k.**"},
      {"model.layers.*.self_attn.v_proj.**", "blk.*.attn_v.**"},
      {"model.layers.*.self_attn.o_proj.**", "blk.*.attn_output.**"},
      {"model.layers.*.post_attention_layernorm.**", "blk.*.ffn_norm.**"},
      {"model.layers.*.mlp.gate_proj.**", "blk.*.ffn_gate.**"},
      {"model.layers.*.mlp.up_proj.**", "blk.*.ffn_up.**"},
      {"model.layers.*.mlp.down_proj.**", "blk.*.ffn_down.**"},
  });
  return table;
}

LlamaConfig llama_config_from_gguf(const GgufFile& file) {
  require_supported(file);
  LlamaConfig config;
  config.hidden_size = file.get_int("llama.embedding_length");
  config.intermediate_size = file.get_int("llama.feed_forward_length");
  config.num_hidden_layers = file.get_int("llama.block_count");
  config.num_attention_heads = file.get_int("llama.attention.head_count");
  config.num_key_value_heads =
      uint_or(file, "llama.attention.head_count_kv", config.num_attention_heads);
  if (config.num_attention_heads < 1) {
    fail(ErrorCode::kCorruptData, "{}: llama.attention.head_count is {}", file.describe(),
         config.num_attention_heads);
  }
  config.head_dim =
      uint_or(file, "llama.attention.key_length", config.hidden_size / config.num_attention_heads);
  if (uint_or(file, "llama.rope.dimension_count", config.head_dim) != config.head_dim) {
    fail(ErrorCode::kUnsupported, "{}: rotary embedding of whole heads ({}) expected, found {}",
         file.describe(), config.head_dim, file.get_int("llama.rope.dimension_count"));
  }
  const char* theta = "llama.rope.freq_base";
  config.rope_theta = file.has_key(theta) ? file.get_float(theta) : 10000.0;
  config.rms_norm_eps = file.get_float("llama.attention.layer_norm_rms_epsilon");
  config.vocab_size = rows_of(file, "token_embd.weight", config.hidden_size);
  config.max_position_embeddings = file.get_int("llama.context_length");
  config.tie_word_embeddings = !file.has("output.weight");
  config.bos_token_id = uint_or(file, "tokenizer.ggml.bos_token_id", -1);
  config.eos_token_id = uint_or(file, "tokenizer.ggml.eos_token_id", -1);
  config.pad_token_id = uint_or(file, "tokenizer.ggml.padding_token_id", -1);
  try {
    validate(config);
  } catch (const Error& error) {
    fail(ErrorCode::kCorruptData, "{}: {}", file.describe(), error.what());
  }
  check_claims(file, config);
  return config;
}

at::Tensor half_split_from_interleaved(const at::Tensor& weight, int64_t num_heads) {
  BLIP2_CHECK(weight.dim() == 2 && weight.size(0) % (2 * num_heads) == 0);
  const int64_t half = weight.size(0) / num_heads / 2;
  return weight.view({num_heads, half, 2, weight.size(1)}).transpose(1, 2).reshape(weight.sizes());
}

Llama load_llama(const GgufFile& file) {
  const LlamaConfig config = llama_config_from_gguf(file);
  Llama model = make_llama(config);
  std::vector<Slot> slots;
  visit(model, Visitor([&](const std::string& name, at::Tensor& tensor) {
          const std::optional<std::string> theirs = llama_gguf_names().to_theirs(name);
          BLIP2_CHECK(theirs.has_value());
          slots.push_back({*theirs, &tensor});
        }));
  load(file, slots, {.check_finite = true});
  for (LlamaLayer& layer : model.layers) {
    at::Tensor& query = layer.q_proj.weight;
    at::Tensor& key = layer.k_proj.weight;
    query = half_split_from_interleaved(query, config.num_attention_heads);
    key = half_split_from_interleaved(key, config.num_key_value_heads);
  }
  return model;
}

}  // namespace blip2
