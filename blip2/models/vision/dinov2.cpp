// DINOv2: its tensors, its forward pass, and its family record.
#include "blip2/models/vision/dinov2.h"

#include <ATen/core/grad_mode.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "blip2/base/json_struct.h"
#include "blip2/models/keys/common_keys.h"
#include "blip2/models/vision/vit.h"

namespace blip2 {
namespace {

constexpr const char* kDinov2Type = "dinov2";

/// Hugging Face's `Dinov2Config`. The rest of it leaves the output as it is.
struct Dinov2Config {
  VitConfig vit;  ///< its `intermediate_size` follows from `mlp_ratio`
  double mlp_ratio = 4;
  bool use_mask_token = true;
};

template <typename V>
void visit(Dinov2Config& config, V&& v) {
  v("hidden_size", config.vit.hidden_size, "width of the residual stream");
  v("mlp_ratio", config.mlp_ratio, "width of the MLP, of hidden_size");
  v("num_hidden_layers", config.vit.num_hidden_layers, "layers");
  v("num_attention_heads", config.vit.num_attention_heads, "heads; divides the width");
  v("image_size", config.vit.image_size, "pixels a side that the positions were learned for");
  v("patch_size", config.vit.patch_size, "pixels a side of a patch");
  v("hidden_act", config.vit.hidden_act, "activation of the MLP");
  v("layer_norm_eps", config.vit.layer_norm_eps, "epsilon of the norms");
  v("qkv_bias", config.vit.qkv_bias, "queries, keys and values have a bias");
  v("use_mask_token", config.use_mask_token, "the file has the mask token of pre-training");
}

void validate(const Dinov2Config& config) { validate(config.vit); }

/// The defaults of `Dinov2Config`: ViT-B/14.
Dinov2Config dinov2_base() {
  Dinov2Config config;
  config.vit.hidden_size = 768;
  config.vit.num_hidden_layers = 12;
  config.vit.num_attention_heads = 12;
  config.vit.has_post_layernorm = true;
  return config;
}

Dinov2Config parse_dinov2(const ConfigFields& fields) {
  require_known_keys(
      fields, without_generation({.read = field_names<Dinov2Config>(),
                                  .ignored = {"layerscale_value", "apply_layernorm", "out_features",
                                              "out_indices", "_out_features", "_out_indices",
                                              "reshape_hidden_states", "stage_names"},
                                  .fixed = {{"num_channels", "3"}, {"use_swiglu_ffn", "false"}}}));
  Dinov2Config config = dinov2_base();
  read_fields(fields, config);
  if (config.mlp_ratio > 1024) fields.fail_at("mlp_ratio", "a number from 0 to 1024");
  config.vit.intermediate_size =
      static_cast<int64_t>(static_cast<double>(config.vit.hidden_size) * config.mlp_ratio);
  refuse_bad(fields, config);
  return config;
}

/// The mathematics are a Vit's; the names are not.
struct Dinov2 {
  Vit vit;
  at::Tensor mask_token;  // [1, Dv]; kept for saving, never used
};

Dinov2 make_dinov2(const Dinov2Config& config) {
  const VitConfig& vit = config.vit;
  const int64_t width = vit.hidden_size, side = vit.image_size / vit.patch_size;
  Dinov2 model;
  model.vit.config = vit;
  model.vit.class_embedding = empty_parameter({1, 1, width});
  if (config.use_mask_token) model.mask_token = empty_parameter({1, width});
  model.vit.patch_weight = empty_parameter({width, 3, vit.patch_size, vit.patch_size});
  model.vit.patch_bias = empty_parameter({width});
  model.vit.position_embedding = empty_parameter({1, 1 + side * side, width});
  model.vit.encoder = make_vit_layers({.hidden_size = width,
                                       .intermediate_size = vit.intermediate_size,
                                       .num_hidden_layers = vit.num_hidden_layers,
                                       .num_attention_heads = vit.num_attention_heads,
                                       .hidden_act = vit.hidden_act,
                                       .layer_norm_eps = vit.layer_norm_eps,
                                       .qkv_bias = vit.qkv_bias,
                                       .layout = VitLayout::kClip,
                                       .has_layer_scale = true});
  model.vit.post_layernorm = make_layer_norm(width, vit.layer_norm_eps);
  return model;
}

void visit_dinov2_layer(VitLayer& layer, const Visitor& visitor) {
  const Visitor attention = visitor.under("attention");
  visit(layer.layer_norm1, visitor.under("norm1"));
  visit(layer.q_proj, attention.under("attention.query"));
  visit(layer.k_proj, attention.under("attention.key"));
  visit(layer.v_proj, attention.under("attention.value"));
  visit(layer.projection, attention.under("output.dense"));
  visitor("layer_scale1.lambda1", layer.attention_scale);
  visit(layer.layer_norm2, visitor.under("norm2"));
  visit(layer.fc1, visitor.under("mlp.fc1"));
  visit(layer.fc2, visitor.under("mlp.fc2"));
  visitor("layer_scale2.lambda1", layer.mlp_scale);
}

void visit(Dinov2& model, const Visitor& visitor) {
  const Visitor embeddings = visitor.under("embeddings");
  embeddings("cls_token", model.vit.class_embedding);
  embeddings("mask_token", model.mask_token);
  embeddings("patch_embeddings.projection.weight", model.vit.patch_weight);
  embeddings("patch_embeddings.projection.bias", model.vit.patch_bias);
  embeddings("position_embeddings", model.vit.position_embedding);
  const Visitor encoder = visitor.under("encoder");
  for (size_t i = 0; i < model.vit.encoder.layers.size(); ++i) {
    visit_dinov2_layer(model.vit.encoder.layers[i], encoder.under("layer", i));
  }
  visit(model.vit.post_layernorm, visitor.under("layernorm"));
}

class Dinov2Encoder : public ImageEncoder {
 public:
  explicit Dinov2Encoder(Dinov2 model) : model_(std::move(model)) {}

  at::Tensor encode(const at::Tensor& pixels) const override {
    const at::NoGradGuard no_grad;
    return normed_tokens(model_.vit, blip2::encode(model_.vit, pixels));
  }
  int64_t width() const override { return model_.vit.config.hidden_size; }
  std::vector<NamedTensor> tensors() override { return named_tensors(model_); }

 private:
  Dinov2 model_;
};

ImageEncoderWeights make_weights(const Dinov2Config& config) {
  const auto model = std::make_shared<Dinov2>(make_dinov2(config));
  return {named_tensors(*model), [model](int64_t) -> std::unique_ptr<ImageEncoder> {
            return std::make_unique<Dinov2Encoder>(std::move(*model));
          }};
}

std::string to_json(Dinov2Config config) {
  nlohmann::ordered_json object = {{"model_type", kDinov2Type}};
  visit(config, [&](const char* name, const auto& value, const char*) { object[name] = value; });
  return object.dump(2);
}

/// The published processor: the centre 224 of a shorter side of 256, ImageNet's mean and deviation.
ImageTransform dinov2_transform(int64_t image_size) {
  ImageTransform transform;
  transform.resize_mode = ResizeMode::kShorterSide;
  transform.image_size = static_cast<int>(image_size);
  transform.shorter_side = static_cast<int>(image_size * 256 / 224);
  transform.mean = {0.485, 0.456, 0.406};
  transform.std = {0.229, 0.224, 0.225};
  return transform;
}

ImageEncoderShape shape_of(const Dinov2Config& config) {
  ImageEncoderShape shape;
  shape.family = kDinov2Type;
  shape.width = config.vit.hidden_size;
  shape.image_size = config.vit.image_size;
  shape.sizes = whole_numbers(config.vit);
  shape.transform = dinov2_transform(config.vit.image_size);
  shape.json = to_json(config);
  shape.make = [config] { return make_weights(config); };
  return shape;
}

}  // namespace

ImageEncoderFamily dinov2_family() {
  return {{kDinov2Type}, [](const ConfigFields& fields) { return shape_of(parse_dinov2(fields)); }};
}

}  // namespace blip2
