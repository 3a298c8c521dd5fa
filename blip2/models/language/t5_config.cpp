// The rules of a T5's configuration.
#include "blip2/models/language/t5_config.h"

#include "blip2/base/error.h"
#include "blip2/base/limits.h"
#include "blip2/base/quote.h"
#include "blip2/nn/activations.h"

namespace blip2 {
namespace {

constexpr std::string_view kGated = "gated-";

void require_range(const char* name, int64_t value, int64_t low, int64_t high) {
  require_within("T5 configuration", name, value,
                 between(static_cast<double>(low), static_cast<double>(high)));
}

void require_activation(const char* name, const std::string& value, std::string_view activation) {
  if (!parse_activation(activation)) {
    fail(ErrorCode::kInvalidArgument,
         "T5 configuration: {}: expected relu, gelu, gelu_new or another that this program knows, "
         "found {}",
         name, quote(value));
  }
}

}  // namespace

std::string t5_activation_name(std::string_view feed_forward_proj) {
  if (feed_forward_proj == "gated-gelu") return "gelu_new";
  if (feed_forward_proj.starts_with(kGated)) feed_forward_proj.remove_prefix(kGated.size());
  return std::string(feed_forward_proj);
}

bool is_gated(const T5Config& config) { return config.feed_forward_proj.starts_with(kGated); }

void validate(const T5Config& config) {
  constexpr int64_t kLargest = int64_t{1} << 24;
  constexpr int64_t kMostLayers = 1 << 12;
  require_range("d_model", config.d_model, 1, kLargest);
  require_range("d_kv", config.d_kv, 1, 1 << 16);
  require_range("d_ff", config.d_ff, 1, kLargest);
  require_range("num_layers", config.num_layers, 1, kMostLayers);
  require_range("num_decoder_layers", config.num_decoder_layers, 1, kMostLayers);
  require_range("num_heads", config.num_heads, 1, 1 << 16);
  require_range("vocab_size", config.vocab_size, 1, kLargest);
  require_range("decoder_start_token_id", config.decoder_start_token_id, 0, config.vocab_size - 1);
  // Half of the buckets are for one distance each; the encoder has half of them for each side.
  require_range("relative_attention_num_buckets", config.relative_attention_num_buckets, 4,
                1 << 16);
  require_range("relative_attention_max_distance", config.relative_attention_max_distance,
                config.relative_attention_num_buckets / 2 + 1, kLargest);
  require_within("T5 configuration", "layer_norm_epsilon", config.layer_norm_epsilon, above(0));
  require_activation("feed_forward_proj", config.feed_forward_proj,
                     t5_activation_name(config.feed_forward_proj));
  require_activation("dense_act_fn", config.dense_act_fn, config.dense_act_fn);
}

}  // namespace blip2
