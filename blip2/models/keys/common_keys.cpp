// The lists, and keys compared with them.
#include "blip2/models/keys/common_keys.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;

bool has_key(const std::vector<std::string_view>& keys, std::string_view key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

const FixedKey* find_fixed(const std::vector<FixedKey>& keys, std::string_view name) {
  const auto found =
      std::find_if(keys.begin(), keys.end(), [&](const FixedKey& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

/// A short value as JSON; another might be nested so deeply that writing it takes the stack.
std::string value_text(const Json& value) {
  const bool is_flat =
      value.size() <= 16 &&
      std::none_of(value.begin(), value.end(), [](auto& one) { return one.is_structured(); });
  if (value.is_object() || (value.is_array() && !is_flat)) {
    return value.is_object() ? "an object" : "an array";
  }
  return printable(value.dump(-1, ' ', true, Json::error_handler_t::replace));
}

void require_fixed(const ConfigFields& fields, const FixedKey& key, const Json& value) {
  if (value == Json::parse(key.value)) return;
  fail(ErrorCode::kUnsupported, "{}: only {} is supported, found {}", fields.where(key.name),
       key.value, value_text(value));
}

}  // namespace

const CommonKeys& common_keys() {
  static const CommonKeys keys = {
      .ignored =
          {// What it is and who wrote it.
           "model_type", "architectures", "transformers_version", "_name_or_path", "name_or_path",
           "_commit_hash", "auto_map", "_auto_class", "_class_name", "_comment", "license",
           "transformers.js_config", "_from_model_config", "_original_object_hash",
           // Storage and speed.
           "torch_dtype", "quantization_config", "dtype", "_attn_implementation",
           "_attn_implementation_autoset", "_attn_implementation_internal", "attn_implementation",
           "_experts_implementation", "_flash_attn_2_enabled", "use_cache",
           "gradient_checkpointing", "chunk_size_feed_forward", "torchscript", "use_bfloat16",
           "tf_legacy_loss", "xla_device", "pretraining_tp",
           // What is returned.
           "return_dict", "use_return_dict", "output_hidden_states", "output_attentions",
           "_output_attentions", "output_past", "output_scores", "output_logits",
           "return_dict_in_generate",
           // Labels and tasks.
           "finetuning_task", "id2label", "label2id", "num_labels", "_num_labels", "problem_type",
           "task_specific_params", "tokenizer_class", "prefix", "classifier_dropout",
           "classifier_activation", "cross_attention_hidden_size",
           // Training from nothing, and dropout, which inference and frozen parts are without.
           "initializer_range", "initializer_factor", "init_std", "dropout", "dropout_rate",
           "attention_dropout", "activation_dropout", "hidden_dropout", "hidden_dropout_prob",
           "attention_probs_dropout_prob", "layerdrop", "drop_path_rate"},
      .fixed = {{"pruned_heads", "{}"}, {"tie_encoder_decoder", "false"}}};
  return keys;
}

const std::vector<std::string_view>& generation_keys() {
  static const std::vector<std::string_view> keys = {"max_length",
                                                     "min_length",
                                                     "max_new_tokens",
                                                     "min_new_tokens",
                                                     "do_sample",
                                                     "early_stopping",
                                                     "num_beams",
                                                     "temperature",
                                                     "top_k",
                                                     "top_p",
                                                     "repetition_penalty",
                                                     "length_penalty",
                                                     "no_repeat_ngram_size",
                                                     "num_return_sequences"};
  return keys;
}

namespace {

const std::vector<FixedKey>& fixed_generation_keys() {
  static const std::vector<FixedKey> keys = {{"typical_p", "1.0"},
                                             {"min_p", "0.0"},
                                             {"top_h", "0.0"},
                                             {"epsilon_cutoff", "0.0"},
                                             {"eta_cutoff", "0.0"},
                                             {"encoder_no_repeat_ngram_size", "0"},
                                             {"encoder_repetition_penalty", "1.0"},
                                             {"bad_words_ids", "null"},
                                             {"force_words_ids", "null"},
                                             {"constraints", "null"},
                                             {"sequence_bias", "null"},
                                             {"forced_bos_token_id", "null"},
                                             {"forced_eos_token_id", "null"},
                                             {"forced_decoder_ids", "null"},
                                             {"suppress_tokens", "null"},
                                             {"begin_suppress_tokens", "null"},
                                             {"exponential_decay_length_penalty", "null"},
                                             {"remove_invalid_values", "false"},
                                             {"renormalize_logits", "false"},
                                             {"num_beam_groups", "1"},
                                             {"diversity_penalty", "0.0"},
                                             {"penalty_alpha", "0.0"},
                                             {"guidance_scale", "1.0"},
                                             {"max_time", "null"},
                                             {"stop_strings", "null"},
                                             {"token_healing", "false"}};
  return keys;
}

}  // namespace

KnownKeys with_generation(KnownKeys known) {
  known.read = joined(std::move(known.read), generation_keys());
  known.ignored = joined(std::move(known.ignored),
                         {"bos_token_id", "sep_token_id", "decoder_start_token_id", "is_decoder"});
  known.fixed.push_back({"add_cross_attention", "false"});
  known.fixed.insert(known.fixed.end(), fixed_generation_keys().begin(),
                     fixed_generation_keys().end());
  return known;
}

KnownKeys without_generation(KnownKeys known) {
  known.ignored = joined(std::move(known.ignored), generation_keys());
  for (const FixedKey& key : fixed_generation_keys()) known.ignored.push_back(key.name);
  known.ignored = joined(
      std::move(known.ignored),
      {"bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "decoder_start_token_id",
       "is_decoder", "is_encoder_decoder", "add_cross_attention", "tie_word_embeddings"});
  return known;
}

void require_known_keys(const ConfigFields& fields, const KnownKeys& known) {
  for (const auto& [key, value] : fields.json().items()) {
    if (value.is_null() || has_key(known.read, key)) continue;
    if (const FixedKey* fixed = find_fixed(known.fixed, key)) {
      require_fixed(fields, *fixed, value);
      continue;
    }
    if (has_key(known.ignored, key)) continue;
    const CommonKeys& common = common_keys();
    if (const FixedKey* fixed = find_fixed(common.fixed, key)) {
      require_fixed(fields, *fixed, value);
      continue;
    }
    if (has_key(common.ignored, key)) continue;
    fail(ErrorCode::kUnsupported,
         "{}: this program does not know the key, which may change what the model computes; remove "
         "it if it does not",
         fields.where(printable(key)));
  }
}

}  // namespace blip2
