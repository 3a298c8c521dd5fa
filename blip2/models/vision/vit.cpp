// The vision transformer: its tensors, its positions, and its forward passes.
#include "blip2/models/vision/vit.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/upsample_bicubic2d.h>

#include <array>
#include <cmath>
#include <optional>

#include "blip2/base/error.h"
#include "blip2/base/shape_text.h"
#include "blip2/nn/autocast.h"

namespace blip2 {
namespace {

constexpr int64_t kLargestImage = 16384;  ///< pixels a side

VitLayersConfig layers_config(const VitConfig& config) {
  return {.hidden_size = config.hidden_size,
          .intermediate_size = config.intermediate_size,
          .num_hidden_layers = config.num_hidden_layers,
          .num_attention_heads = config.num_attention_heads,
          .hidden_act = config.hidden_act,
          .layer_norm_eps = config.layer_norm_eps,
          .qkv_bias = config.qkv_bias,
          .layout = config.layout};
}

bool is_clip(const VitConfig& config) { return config.layout == VitLayout::kClip; }

void check_pixels(const VitConfig& config, const at::Tensor& pixels) {
  if (pixels.dim() != 4 || pixels.size(0) < 1 || pixels.size(1) != 3 ||
      pixels.size(2) < config.patch_size || pixels.size(3) < config.patch_size ||
      pixels.scalar_type() != at::kFloat) {
    fail(ErrorCode::kInvalidArgument,
         "ViT: expected pixels of [B, 3, H, W] float32, both sides at least the patch's {}, found "
         "{} {}",
         config.patch_size, shape_text(pixels.sizes().vec()), at::toString(pixels.scalar_type()));
  }
}

/// The projected patches: [B, Dv, h, w].
at::Tensor project_patches(const Vit& model, const at::Tensor& pixels) {
  const Autocast exact(Arithmetic::kFloat32);  // the residual stream starts here
  const std::array<int64_t, 2> stride = {model.config.patch_size, model.config.patch_size};
  const std::array<int64_t, 2> padding = {0, 0}, dilation = {1, 1};
  const at::Tensor there = pixels.to(model.patch_weight.device());
  return at::conv2d(there, widened(model.patch_weight), widened(model.patch_bias), stride, padding,
                    dilation);
}

/// Class token and patches with their positions: [B, P, Dv].
at::Tensor embed(const Vit& model, const at::Tensor& pixels) {
  const at::Tensor patches = project_patches(model, pixels);
  const int64_t batch = pixels.size(0), width = model.config.hidden_size;
  const int64_t count = patches.size(2) * patches.size(3);
  const at::Tensor positions = resize_positions(model.position_embedding.view({-1, width}),
                                                patches.size(2), patches.size(3));
  at::Tensor x = at::empty({batch, 1 + count, width}, patches.options());
  x.select(1, 0).copy_(widened(model.class_embedding).view({width}) + positions.select(0, 0));
  x.narrow(1, 1, count)
      .copy_(patches.flatten(2).transpose(1, 2))
      .add_(positions.narrow(0, 1, count));
  return x;
}

}  // namespace

VitConfig blip_vit_config() {
  VitConfig config;
  config.hidden_size = 768;
  config.intermediate_size = 3072;
  config.num_hidden_layers = 12;
  config.num_attention_heads = 12;
  config.image_size = 384;
  config.patch_size = 16;
  config.layer_norm_eps = 1e-5;
  config.has_post_layernorm = true;
  return config;
}

VitConfig clip_vit_config() {
  VitConfig config = blip_vit_config();
  config.image_size = 224;
  config.patch_size = 32;
  config.hidden_act = "quick_gelu";
  config.layout = VitLayout::kClip;
  return config;
}

void validate(const VitConfig& config) {
  const std::string where = "ViT configuration";
  validate(layers_config(config), where);
  require_range(where, "image_size", config.image_size, 1, kLargestImage);
  require_range(where, "patch_size", config.patch_size, 1, config.image_size);
  if (is_clip(config) && !config.qkv_bias) {
    fail(ErrorCode::kInvalidArgument, "{}: CLIP's attention has biases, found qkv_bias false",
         where);
  }
}

Vit make_vit(const VitConfig& config) {
  validate(config);
  const int64_t width = config.hidden_size, patch = config.patch_size;
  const int64_t side = config.image_size / patch;
  const int64_t count = 1 + side * side;
  Vit model;
  model.config = config;
  model.patch_weight = empty_parameter({width, 3, patch, patch});
  if (is_clip(config)) {
    model.class_embedding = empty_parameter({width});
    model.position_embedding = empty_parameter({count, width});
    model.pre_layrnorm = make_layer_norm(width, config.layer_norm_eps);
  } else {
    model.class_embedding = empty_parameter({1, 1, width});
    model.patch_bias = empty_parameter({width});
    model.position_embedding = empty_parameter({1, count, width});
  }
  model.encoder = make_vit_layers(layers_config(config));
  if (config.has_post_layernorm) {
    model.post_layernorm = make_layer_norm(width, config.layer_norm_eps);
  }
  return model;
}

void visit(Vit& model, const Visitor& visitor) {
  const Visitor embeddings = visitor.under("embeddings");
  embeddings("class_embedding", model.class_embedding);
  embeddings("patch_embedding.weight", model.patch_weight);
  embeddings("patch_embedding.bias", model.patch_bias);
  embeddings(is_clip(model.config) ? "position_embedding.weight" : "position_embedding",
             model.position_embedding);
  visit(model.pre_layrnorm, visitor.under("pre_layrnorm"));
  visit(model.encoder, visitor.under("encoder"));
  visit(model.post_layernorm, visitor.under("post_layernorm"));
}

at::Tensor resize_positions(const at::Tensor& table, int64_t rows, int64_t columns,
                            GridEdges edges) {
  BLIP2_CHECK(table.dim() == 2 && table.size(0) > 1 && rows > 0 && columns > 0);
  const int64_t count = table.size(0) - 1, width = table.size(1);
  const int64_t side = std::lround(std::sqrt(static_cast<double>(count)));
  BLIP2_CHECK(side * side == count);
  const at::Tensor wide = widened(table);
  if (rows == side && columns == side) return wide;
  const std::array<int64_t, 2> size = {rows, columns};
  const at::Tensor grid =
      wide.narrow(0, 1, count).view({1, side, side, width}).permute({0, 3, 1, 2});
  const at::Tensor resized = at::upsample_bicubic2d(
      grid, size, /*align_corners=*/edges == GridEdges::kCentres, std::nullopt, std::nullopt);
  return at::cat({wide.narrow(0, 0, 1), resized.flatten(2).select(0, 0).transpose(0, 1)});
}

void resize_pictures(Vit& model, int64_t image_size) {
  const at::NoGradGuard no_grad;
  model.config.image_size = image_size;
  validate(model.config);
  const int64_t side = image_size / model.config.patch_size;
  const at::Tensor& table = model.position_embedding;
  const at::Tensor resized =
      resize_positions(table.view({-1, model.config.hidden_size}), side, side,
                       is_clip(model.config) ? GridEdges::kCentres : GridEdges::kCells);
  model.position_embedding = table.dim() == 3 ? resized.unsqueeze(0) : resized;
}

at::Tensor encode_with_graph(const Vit& model, const at::Tensor& pixels, Activations activations) {
  check_pixels(model.config, pixels);
  const at::Tensor patches = project_patches(model, pixels);
  const int64_t batch = pixels.size(0), width = model.config.hidden_size;
  const at::Tensor positions = resize_positions(model.position_embedding.view({-1, width}),
                                                patches.size(2), patches.size(3));
  const at::Tensor class_token =
      model.class_embedding.view({1, 1, width}).expand({batch, 1, width});
  const at::Tensor tokens = at::cat({class_token, patches.flatten(2).transpose(1, 2)}, 1);
  at::Tensor x = tokens + positions;  // [B, P, Dv]
  if (model.pre_layrnorm.weight.defined()) x = apply(model.pre_layrnorm, x);
  return run_layers_with_graph(model.encoder, x, activations);
}

at::Tensor encode(const Vit& model, const at::Tensor& pixels) {
  check_pixels(model.config, pixels);
  const at::NoGradGuard no_grad;
  at::Tensor x = embed(model, pixels);
  if (model.pre_layrnorm.weight.defined()) x = apply(model.pre_layrnorm, x);
  return run_layers(model.encoder, x);
}

at::Tensor normed_tokens(const Vit& model, const at::Tensor& raw) {
  BLIP2_CHECK(model.config.has_post_layernorm && raw.dim() == 3);
  return apply(model.post_layernorm, raw);
}

at::Tensor normed_class(const Vit& model, const at::Tensor& raw) {
  BLIP2_CHECK(model.config.has_post_layernorm && raw.dim() == 3);
  return apply(model.post_layernorm, raw.select(1, 0));
}

}  // namespace blip2
