// The stack of pre-layer-norm transformer layers that the vision transformers and CLIP's text model
// share. In inference it overwrites its input, some rows at a time, so that nothing grows with the
// batch but the input itself; in training it builds a graph.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "blip2/nn/activations.h"
#include "blip2/nn/linear.h"
#include "blip2/nn/module.h"
#include "blip2/nn/norm.h"
#include "blip2/nn/recompute.h"

namespace blip2 {

/// Two ways to store the same mathematics.
enum class VitLayout {
  kBlip,  ///< one fused `self_attn.qkv`, then `self_attn.projection` (EVA-CLIP, BLIP)
  kClip,  ///< `self_attn.{q,k,v}_proj`, then `self_attn.out_proj` (OpenAI's CLIP)
};

struct VitLayersConfig {
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  std::string hidden_act;
  double layer_norm_eps = 0;
  bool qkv_bias = true;
  VitLayout layout = VitLayout::kBlip;
  bool has_layer_scale = false;
};

/// Throws kInvalidArgument where a field is out of range or fields disagree. `where` begins the
/// message: "ViT configuration".
void validate(const VitLayersConfig& config, const std::string& where);
/// Throws kInvalidArgument unless low <= value <= high.
void require_range(const std::string& where, const char* name, int64_t value, int64_t low,
                   int64_t high);

struct VitLayer {
  LayerNorm layer_norm1;
  Linear qkv;                     // [3*Dv, Dv], rows of q, k, v, each by heads; kBlip
  Linear q_proj, k_proj, v_proj;  // [Dv, Dv]; kClip
  Linear projection;              // [Dv, Dv]
  at::Tensor attention_scale;     // [Dv]: LayerScale (Touvron et al. 2021); undefined: none
  LayerNorm layer_norm2;
  Linear fc1;            // [F, Dv]
  Linear fc2;            // [Dv, F]
  at::Tensor mlp_scale;  // as attention_scale
};

struct VitLayers {
  int64_t num_heads = 0;
  Activation activation = Activation::kGelu;
  std::vector<VitLayer> layers;
};

/// Uninitialised layers. The configuration must be valid.
VitLayers make_vit_layers(const VitLayersConfig& config);
void visit(VitLayer& layer, const Visitor& visitor);
/// Names as in Hugging Face's files: `layers.3.self_attn.qkv.weight`, `layers.3.mlp.fc1.bias`.
void visit(VitLayers& stack, const Visitor& visitor);

/// x += attention(LN1(x)), x += fc2(act(fc1(LN2(x)))), layer by layer, without a graph; with
/// LayerScale, what is added is multiplied by it. Overwrites x [B, P, Dv], contiguous float32, and
/// returns it. mask: undefined, or additive [1 or B, 1, P, P].
at::Tensor run_layers(const VitLayers& stack, at::Tensor x, const at::Tensor& mask = {});

/// The same with a graph into the layers' float32 tensors and x [B, P, Dv], which stays as it is.
/// The layers' activations are kept for the backward pass, or computed again in it.
at::Tensor run_layers_with_graph(const VitLayers& stack, at::Tensor x, Activations activations);

}  // namespace blip2
