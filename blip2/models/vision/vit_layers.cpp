// The layers of vision transformers, in inference and with a graph.
#include "blip2/models/vision/vit_layers.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/chunk.h>

#include <algorithm>
#include <array>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/limits.h"
#include "blip2/base/quote.h"
#include "blip2/nn/attention.h"
#include "blip2/nn/autocast.h"

namespace blip2 {
namespace {

/// Rows that run through a layer together: enough to fill the matrix kernels, few enough that the
/// MLP's inner rows stay small beside the weights.
constexpr int64_t kRowsOnCpu = 2048, kRowsElsewhere = 32768;

VitLayer make_layer(const VitLayersConfig& config) {
  const int64_t width = config.hidden_size;
  const Bias bias = config.qkv_bias ? Bias::kPresent : Bias::kNone;
  VitLayer layer;
  layer.layer_norm1 = make_layer_norm(width, config.layer_norm_eps);
  if (config.layout == VitLayout::kBlip) {
    layer.qkv = make_linear(width, 3 * width, bias);
  } else {
    layer.q_proj = make_linear(width, width, bias);
    layer.k_proj = make_linear(width, width, bias);
    layer.v_proj = make_linear(width, width, bias);
  }
  layer.projection = make_linear(width, width);
  layer.layer_norm2 = make_layer_norm(width, config.layer_norm_eps);
  layer.fc1 = make_linear(width, config.intermediate_size);
  layer.fc2 = make_linear(config.intermediate_size, width);
  if (config.has_layer_scale) {
    layer.attention_scale = empty_parameter({width});
    layer.mlp_scale = empty_parameter({width});
  }
  return layer;
}

/// The layer with float32 weights: the same tensors where they are stored so.
VitLayer widened(VitLayer layer) {
  visit(layer,
        Visitor([](const std::string&, at::Tensor& tensor) { tensor = blip2::widened(tensor); }));
  return layer;
}

/// Queries, keys and values of x [B, P, Dv], each [B, P, Dv].
std::array<at::Tensor, 3> project_qkv(const VitLayer& layer, const at::Tensor& x) {
  if (!layer.qkv.weight.defined()) {
    return {apply(layer.q_proj, x), apply(layer.k_proj, x), apply(layer.v_proj, x)};
  }
  const std::vector<at::Tensor> parts = apply(layer.qkv, x).chunk(3, -1);
  return {parts[0], parts[1], parts[2]};
}

/// y [B, P, Dv] times a LayerScale, where there is one.
at::Tensor scaled(const at::Tensor& y, const at::Tensor& scale) {
  return scale.defined() ? y * blip2::widened(scale) : y;
}

at::Tensor run_attention(const VitLayers& stack, const VitLayer& layer, const at::Tensor& x,
                         const at::Tensor& mask) {
  const auto [query, key, value] = project_qkv(layer, apply(layer.layer_norm1, x));
  // Side by side in memory, a head's rows are read a fifth faster than from among the other heads'.
  const auto heads = [&](const at::Tensor& rows) {
    return split_heads(rows, stack.num_heads).contiguous();
  };
  const at::Tensor attended = attend(heads(query), heads(key), heads(value), mask);  // [B, H, P, K]
  return scaled(apply(layer.projection, merge_heads(attended)), layer.attention_scale);
}

at::Tensor run_mlp(const VitLayers& stack, const VitLayer& layer, const at::Tensor& x) {
  const at::Tensor inner = apply(layer.fc1, apply(layer.layer_norm2, x));  // [B, P, F]
  return scaled(apply(layer.fc2, apply(stack.activation, inner)), layer.mlp_scale);
}

/// The keys' part of a fused bias without gradient. It adds the same to every score of a query: its
/// gradient is zero but for rounding, and rounding is what AdamW would follow.
VitLayer with_fixed_key_bias(VitLayer layer) {
  if (!layer.qkv.weight.defined() || !layer.qkv.bias.defined()) return layer;
  const std::vector<at::Tensor> parts = layer.qkv.bias.chunk(3);
  layer.qkv.bias = at::cat({parts[0], parts[1].detach(), parts[2]});
  return layer;
}

}  // namespace

void visit(VitLayer& layer, const Visitor& visitor) {
  const Visitor attention = visitor.under("self_attn");
  const Visitor mlp = visitor.under("mlp");
  const bool fused = layer.qkv.weight.defined();
  visit(layer.layer_norm1, visitor.under("layer_norm1"));
  visit(layer.qkv, attention.under("qkv"));
  visit(layer.q_proj, attention.under("q_proj"));
  visit(layer.k_proj, attention.under("k_proj"));
  visit(layer.v_proj, attention.under("v_proj"));
  visit(layer.projection, attention.under(fused ? "projection" : "out_proj"));
  visitor("layer_scale1", layer.attention_scale);
  visit(layer.layer_norm2, visitor.under("layer_norm2"));
  visit(layer.fc1, mlp.under("fc1"));
  visit(layer.fc2, mlp.under("fc2"));
  visitor("layer_scale2", layer.mlp_scale);
}

void require_range(const std::string& where, const char* name, int64_t value, int64_t low,
                   int64_t high) {
  require_within(where, name, value, between(static_cast<double>(low), static_cast<double>(high)));
}

void validate(const VitLayersConfig& config, const std::string& where) {
  constexpr int64_t kLargest = int64_t{1} << 24;
  require_range(where, "hidden_size", config.hidden_size, 1, kLargest);
  require_range(where, "intermediate_size", config.intermediate_size, 1, kLargest);
  require_range(where, "num_hidden_layers", config.num_hidden_layers, 1, 1 << 12);
  require_range(where, "num_attention_heads", config.num_attention_heads, 1, 1 << 16);
  if (config.hidden_size % config.num_attention_heads != 0) {
    fail(ErrorCode::kInvalidArgument, "{}: num_attention_heads ({}) must divide hidden_size ({})",
         where, config.num_attention_heads, config.hidden_size);
  }
  if (!parse_activation(config.hidden_act)) {
    fail(ErrorCode::kInvalidArgument,
         "{}: hidden_act: expected gelu, gelu_new, quick_gelu, relu or silu, found {}", where,
         quote(config.hidden_act));
  }
  require_within(where, "layer_norm_eps", config.layer_norm_eps, above(0));
}

VitLayers make_vit_layers(const VitLayersConfig& config) {
  VitLayers stack;
  stack.num_heads = config.num_attention_heads;
  stack.activation = parse_activation(config.hidden_act).value();
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) stack.layers.push_back(make_layer(config));
  return stack;
}

void visit(VitLayers& stack, const Visitor& visitor) {
  for (size_t i = 0; i < stack.layers.size(); ++i) {
    visit(stack.layers[i], visitor.under("layers", i));
  }
}

at::Tensor run_layers(const VitLayers& stack, at::Tensor x, const at::Tensor& mask) {
  BLIP2_CHECK(x.dim() == 3 && x.is_contiguous());
  const at::NoGradGuard no_grad;
  const int64_t batch = x.size(0);
  const int64_t rows = x.is_cpu() ? kRowsOnCpu : kRowsElsewhere;
  const int64_t chunk = std::max<int64_t>(rows / x.size(1), 1);
  const bool mask_by_row = mask.defined() && mask.size(0) != 1;
  for (const VitLayer& stored : stack.layers) {
    const VitLayer layer = is_autocast(x) ? stored : widened(stored);  // once for all chunks
    for (int64_t first = 0; first < batch; first += chunk) {
      const int64_t count = std::min(chunk, batch - first);
      at::Tensor part = x.narrow(0, first, count);
      const at::Tensor part_mask = mask_by_row ? mask.narrow(0, first, count) : mask;
      part.add_(run_attention(stack, layer, part, part_mask));
      part.add_(run_mlp(stack, layer, part));
    }
  }
  return x;
}

at::Tensor run_layers_with_graph(const VitLayers& stack, at::Tensor x, Activations activations) {
  BLIP2_CHECK(x.dim() == 3);
  const VitLayers shape{.num_heads = stack.num_heads, .activation = stack.activation, .layers = {}};
  const auto run = [shape](const VitLayer& layer, const std::vector<at::Tensor>& inputs) {
    const at::Tensor attended = inputs[0] + run_attention(shape, layer, inputs[0], {});
    return std::vector<at::Tensor>{attended + run_mlp(shape, layer, attended)};
  };
  for (const VitLayer& stored : stack.layers) {
    BLIP2_CHECK(stored.fc1.weight.scalar_type() == at::kFloat);
    const VitLayer layer = with_fixed_key_bias(stored);
    const std::vector<at::Tensor> inputs = {x};
    x = (activations == Activations::kRecomputed ? recomputed(layer, inputs, run)
                                                 : run(layer, inputs))[0];
  }
  return x;
}

}  // namespace blip2
