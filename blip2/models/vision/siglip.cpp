// SigLIP's image encoder: its tensors, its forward pass, and its family record.
#include "blip2/models/vision/siglip.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/json_struct.h"
#include "blip2/base/shape_text.h"
#include "blip2/models/keys/common_keys.h"
#include "blip2/models/vision/vit.h"
#include "blip2/nn/autocast.h"

namespace blip2 {
namespace {

constexpr const char* kSiglipType = "siglip_vision_model";

/// Hugging Face's `SiglipVisionConfig`. Its attention has biases.
struct SiglipConfig {
  VitConfig vit;
  bool vision_use_head = true;
};

template <typename V>
void visit(SiglipConfig& config, V&& v) {
  v("hidden_size", config.vit.hidden_size, "width of the residual stream");
  v("intermediate_size", config.vit.intermediate_size, "width of the MLP");
  v("num_hidden_layers", config.vit.num_hidden_layers, "layers");
  v("num_attention_heads", config.vit.num_attention_heads, "heads; divides the width");
  v("image_size", config.vit.image_size, "pixels a side that the positions were learned for");
  v("patch_size", config.vit.patch_size, "pixels a side of a patch");
  v("hidden_act", config.vit.hidden_act, "activation of the MLP");
  v("layer_norm_eps", config.vit.layer_norm_eps, "epsilon of the norms");
  v("vision_use_head", config.vision_use_head, "the file has the pooling head");
}

void validate(const SiglipConfig& config) { validate(config.vit); }

/// The defaults of `SiglipVisionConfig`: ViT-B/16.
SiglipConfig siglip_base() {
  SiglipConfig config;
  config.vit.hidden_size = 768;
  config.vit.intermediate_size = 3072;
  config.vit.num_hidden_layers = 12;
  config.vit.num_attention_heads = 12;
  config.vit.patch_size = 16;
  config.vit.hidden_act = "gelu_pytorch_tanh";
  config.vit.layout = VitLayout::kClip;
  return config;
}

SiglipConfig parse_siglip(const ConfigFields& fields) {
  require_known_keys(fields, without_generation({.read = field_names<SiglipConfig>(),
                                                 .ignored = {"projection_size"},
                                                 .fixed = {{"num_channels", "3"}}}));
  SiglipConfig config = siglip_base();
  read_fields(fields, config);
  refuse_bad(fields, config);
  return config;
}

/// Attention pooling, which image tokens do not need. It is kept for saving.
struct PoolingHead {
  at::Tensor probe;     // [1, 1, Dv]
  Linear in_proj;       // [3*Dv, Dv]
  Linear out_proj;      // [Dv, Dv]
  LayerNorm layernorm;  // [Dv]
  Linear fc1;           // [F, Dv]
  Linear fc2;           // [Dv, F]
};

struct Siglip {
  VitConfig config;
  at::Tensor patch_weight;        // [Dv, 3, patch, patch]
  at::Tensor patch_bias;          // [Dv]
  at::Tensor position_embedding;  // [P, Dv], a square grid, row by row
  VitLayers encoder;
  LayerNorm post_layernorm;
  PoolingHead head;  // undefined tensors where the configuration has none
};

PoolingHead make_head(int64_t width, int64_t inner, double eps) {
  PoolingHead head;
  head.probe = empty_parameter({1, 1, width});
  head.in_proj = make_linear(width, 3 * width);
  head.out_proj = make_linear(width, width);
  head.layernorm = make_layer_norm(width, eps);
  head.fc1 = make_linear(width, inner);
  head.fc2 = make_linear(inner, width);
  return head;
}

Siglip make_siglip(const SiglipConfig& config) {
  const VitConfig& vit = config.vit;
  const int64_t width = vit.hidden_size, side = vit.image_size / vit.patch_size;
  Siglip model;
  model.config = vit;
  model.patch_weight = empty_parameter({width, 3, vit.patch_size, vit.patch_size});
  model.patch_bias = empty_parameter({width});
  model.position_embedding = empty_parameter({side * side, width});
  model.encoder = make_vit_layers({.hidden_size = width,
                                   .intermediate_size = vit.intermediate_size,
                                   .num_hidden_layers = vit.num_hidden_layers,
                                   .num_attention_heads = vit.num_attention_heads,
                                   .hidden_act = vit.hidden_act,
                                   .layer_norm_eps = vit.layer_norm_eps,
                                   .layout = VitLayout::kClip});
  model.post_layernorm = make_layer_norm(width, vit.layer_norm_eps);
  if (config.vision_use_head) {
    model.head = make_head(width, vit.intermediate_size, vit.layer_norm_eps);
  }
  return model;
}

void visit(PoolingHead& head, const Visitor& visitor) {
  const Visitor attention = visitor.under("attention");
  visitor("probe", head.probe);
  attention("in_proj_weight", head.in_proj.weight);
  attention("in_proj_bias", head.in_proj.bias);
  visit(head.out_proj, attention.under("out_proj"));
  visit(head.layernorm, visitor.under("layernorm"));
  visit(head.fc1, visitor.under("mlp.fc1"));
  visit(head.fc2, visitor.under("mlp.fc2"));
}

void visit(Siglip& model, const Visitor& outer) {
  const Visitor visitor = outer.under("vision_model");
  const Visitor embeddings = visitor.under("embeddings");
  embeddings("patch_embedding.weight", model.patch_weight);
  embeddings("patch_embedding.bias", model.patch_bias);
  embeddings("position_embedding.weight", model.position_embedding);
  visit(model.encoder, visitor.under("encoder"));
  visit(model.post_layernorm, visitor.under("post_layernorm"));
  visit(model.head, visitor.under("head"));
}

void check_siglip_pixels(const VitConfig& config, const at::Tensor& pixels) {
  if (pixels.dim() != 4 || pixels.size(0) < 1 || pixels.size(1) != 3 ||
      pixels.size(2) < config.patch_size || pixels.size(3) < config.patch_size ||
      pixels.scalar_type() != at::kFloat) {
    fail(ErrorCode::kInvalidArgument,
         "SigLIP: expected pixels of [B, 3, H, W] float32, both sides at least the patch's {}, "
         "found {} {}",
         config.patch_size, shape_text(pixels.sizes().vec()), at::toString(pixels.scalar_type()));
  }
}

/// The projected patches: [B, Dv, h, w].
at::Tensor project_patches(const Siglip& model, const at::Tensor& pixels) {
  const Autocast exact(Arithmetic::kFloat32);  // the residual stream starts here
  const std::array<int64_t, 2> stride = {model.config.patch_size, model.config.patch_size};
  const std::array<int64_t, 2> padding = {0, 0}, dilation = {1, 1};
  return at::conv2d(pixels.to(model.patch_weight.device()), widened(model.patch_weight),
                    widened(model.patch_bias), stride, padding, dilation);
}

/// The positions of a grid of patches: [rows * columns, Dv] float32.
at::Tensor siglip_positions(const Siglip& model, int64_t rows, int64_t columns) {
  const at::Tensor table = widened(model.position_embedding);
  const at::Tensor no_class = at::zeros({1, table.size(1)}, table.options());
  return resize_positions(at::cat({no_class, table}), rows, columns).narrow(0, 1, rows * columns);
}

class SiglipEncoder : public ImageEncoder {
 public:
  explicit SiglipEncoder(Siglip model) : model_(std::move(model)) {}

  at::Tensor encode(const at::Tensor& pixels) const override {
    check_siglip_pixels(model_.config, pixels);
    const at::NoGradGuard no_grad;
    const at::Tensor patches = project_patches(model_, pixels);
    const at::Tensor x = patches.flatten(2).transpose(1, 2) +
                         siglip_positions(model_, patches.size(2), patches.size(3));
    return apply(model_.post_layernorm, run_layers(model_.encoder, x.contiguous()));
  }
  int64_t width() const override { return model_.config.hidden_size; }
  std::vector<NamedTensor> tensors() override { return named_tensors(model_); }

 private:
  Siglip model_;
};

ImageEncoderWeights make_weights(const SiglipConfig& config) {
  const auto model = std::make_shared<Siglip>(make_siglip(config));
  return {named_tensors(*model), [model](int64_t) -> std::unique_ptr<ImageEncoder> {
            return std::make_unique<SiglipEncoder>(std::move(*model));
          }};
}

std::string to_json(SiglipConfig config) {
  nlohmann::ordered_json object = {{"model_type", kSiglipType}};
  visit(config, [&](const char* name, const auto& value, const char*) { object[name] = value; });
  return object.dump(2);
}

ImageEncoderShape shape_of(const SiglipConfig& config) {
  ImageEncoderShape shape;
  shape.family = kSiglipType;
  shape.width = config.vit.hidden_size;
  shape.image_size = config.vit.image_size;
  shape.sizes = whole_numbers(config.vit);
  shape.transform.image_size = static_cast<int>(config.vit.image_size);  // squashed
  shape.transform.shorter_side = shape.transform.image_size;
  shape.transform.mean = shape.transform.std = {0.5, 0.5, 0.5};
  shape.json = to_json(config);
  shape.make = [config] { return make_weights(config); };
  return shape;
}

}  // namespace

ImageEncoderFamily siglip_family() {
  return {{kSiglipType}, [](const ConfigFields& fields) { return shape_of(parse_siglip(fields)); }};
}

}  // namespace blip2
