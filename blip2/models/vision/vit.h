// The vision transformer. EVA-CLIP ViT-g/14 as BLIP-2 uses it, BLIP's ViT-B/16 and L/16, and
// OpenAI's CLIP ViT-L/14 are configurations of it. Tensor names are Hugging Face's, which are ours.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "blip2/models/vision/image_encoder.h"
#include "blip2/models/vision/vit_layers.h"
#include "blip2/nn/module.h"
#include "blip2/nn/norm.h"

namespace blip2 {

/// Hugging Face's `Blip2VisionConfig`, field by field, with its defaults: EVA-CLIP ViT-g/14.
struct VitConfig {
  int64_t hidden_size = 1408;
  int64_t intermediate_size = 6144;
  int64_t num_hidden_layers = 39;
  int64_t num_attention_heads = 16;
  int64_t image_size = 224;
  int64_t patch_size = 14;
  std::string hidden_act = "gelu";
  double layer_norm_eps = 1e-6;
  bool qkv_bias = true;
  // What no field of config.json says: it follows from the model's type and its place in a whole.
  /// kClip also has a layer norm before the layers and no bias in the patches' projection.
  VitLayout layout = VitLayout::kBlip;
  /// Where it is absent, what comes after the last layer belongs to another part (BLIP-2).
  bool has_post_layernorm = false;
};

/// The defaults of `BlipVisionConfig` (ViT-B/16 at 384 pixels) and of `CLIPVisionConfig`
/// (ViT-B/32), both with their post layer norm.
VitConfig blip_vit_config();
VitConfig clip_vit_config();

/// Calls `v(name, field, help)` for every field that Hugging Face's config.json has.
template <typename V>
void visit(VitConfig& config, V&& v) {
  v("hidden_size", config.hidden_size, "width of the residual stream");
  v("intermediate_size", config.intermediate_size, "width of the MLP");
  v("num_hidden_layers", config.num_hidden_layers, "layers that run; a file may hold more");
  v("num_attention_heads", config.num_attention_heads, "heads; divides the width");
  v("image_size", config.image_size, "pixels a side that the positions were learned for");
  v("patch_size", config.patch_size, "pixels a side of a patch");
  v("hidden_act", config.hidden_act, "activation of the MLP");
  v("layer_norm_eps", config.layer_norm_eps, "epsilon of the norms");
  v("qkv_bias", config.qkv_bias, "queries, keys and values have a bias");
}

/// Throws kInvalidArgument where a field is out of range or fields disagree.
void validate(const VitConfig& config);

/// One row of the position table is the class token's, the others are a square grid, row by row.
struct Vit {
  VitConfig config;
  at::Tensor class_embedding;     // [1, 1, Dv]; CLIP: [Dv]
  at::Tensor patch_weight;        // [Dv, 3, patch, patch]
  at::Tensor patch_bias;          // [Dv]; CLIP: undefined
  at::Tensor position_embedding;  // [1, P, Dv]; CLIP: [P, Dv]
  LayerNorm pre_layrnorm;         // CLIP; the name is the files'
  VitLayers encoder;
  LayerNorm post_layernorm;  // undefined tensors where the configuration has none
};

/// A model of the given shape, uninitialised. Throws as validate() does.
Vit make_vit(const VitConfig& config);
/// Names as they follow `vision_model.` in Hugging Face's files.
void visit(Vit& model, const Visitor& visitor);

/// Where the outer rows of a resized grid are: at the corners of the old one's outer cells, or on
/// their centres.
enum class GridEdges { kCells, kCentres };

/// Positions learned for a square grid, for another grid: the class token's row as it is, the
/// others bicubic (BLIP-2's `interpolate_pos_encoding`). table [1 + n*n, Dv] -> [1 + rows *
/// columns, Dv] float32; the table itself where the grid is its own.
at::Tensor resize_positions(const at::Tensor& table, int64_t rows, int64_t columns,
                            GridEdges edges = GridEdges::kCells);

/// Makes the model one for pictures of `image_size` pixels a side, as LAVIS does before
/// fine-tuning: its positions are resized once, and trained from there. CLIP's grid keeps the
/// centres of its outer cells, EVA's does not (LAVIS 1.0.2, models/clip_vit.py, models/eva_vit.py).
void resize_pictures(Vit& model, int64_t image_size);

/// The raw output: all tokens, the class token first, after the last layer and before the post
/// layer norm. pixels [B, 3, H, W] float32 -> [B, P, Dv] float32, P = 1 + (H / patch) * (W /
/// patch), without a graph. Positions are resized for other sizes than image_size; pixels right and
/// below of the last whole patch are left out, as the reference does. Throws kInvalidArgument for
/// another shape, or a side smaller than a patch.
at::Tensor encode(const Vit& model, const at::Tensor& pixels);
/// The same with a graph into the model's tensors, which must be float32: for training. Of a fused
/// `qkv` the keys' part of the bias gets no gradient: it cancels in the softmax, and EVA-CLIP,
/// whose keys have none, stays what it is.
at::Tensor encode_with_graph(const Vit& model, const at::Tensor& pixels, Activations activations);

/// The post layer norm of every token, as BLIP-1 has it: raw [B, P, Dv] -> [B, P, Dv].
at::Tensor normed_tokens(const Vit& model, const at::Tensor& raw);
/// The post layer norm of the class token, as CLIP has it: raw [B, P, Dv] -> [B, Dv].
at::Tensor normed_class(const Vit& model, const at::Tensor& raw);

/// A ViT as the rest of the program sees it. encode() may be called by several threads.
class VitEncoder : public ImageEncoder {
 public:
  explicit VitEncoder(Vit model) : model_(std::move(model)) {}

  at::Tensor encode(const at::Tensor& pixels) const override {
    return blip2::encode(model_, pixels);
  }
  at::Tensor encode_with_graph(const at::Tensor& pixels, Activations activations) const override {
    return blip2::encode_with_graph(model_, pixels, activations);
  }
  int64_t width() const override { return model_.config.hidden_size; }
  std::vector<NamedTensor> tensors() override { return named_tensors(model_); }
  const Vit& model() const { return model_; }

 private:
  Vit model_;
};

}  // namespace blip2
