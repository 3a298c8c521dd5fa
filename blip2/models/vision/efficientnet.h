// EfficientNet-Lite, the small frozen image encoder: a convolutional network whose last map is read
// as image tokens. Inference only; its classifier is kept so that files round-trip and the known
// classes can be tested.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "blip2/models/vision/image_encoder.h"
#include "blip2/models/vision/image_encoder_family.h"
#include "blip2/nn/linear.h"
#include "blip2/nn/module.h"

namespace blip2 {

/// Blocks of one shape; the first has the stride, the others have stride 1 and a residual.
struct EfficientNetStage {
  int64_t repeats = 1;
  int64_t kernel = 3;     ///< of the depthwise convolution, odd
  int64_t stride = 1;     ///< 1 or 2
  int64_t expansion = 1;  ///< inner width over input width; 1: no expanding convolution
  int64_t width = 16;     ///< channels that come out
};

/// The defaults are EfficientNet-Lite0.
struct EfficientNetConfig {
  int64_t stem_width = 32;
  std::vector<EfficientNetStage> stages = {{1, 3, 1, 1, 16}, {2, 3, 2, 6, 24},  {2, 5, 2, 6, 40},
                                           {3, 3, 2, 6, 80}, {3, 5, 1, 6, 112}, {4, 5, 2, 6, 192},
                                           {1, 3, 1, 6, 320}};
  int64_t head_width = 1280;  ///< Dv
  int64_t num_classes = 1000;
  double batch_norm_eps = 1e-3;
  int64_t image_size = 224;  ///< pixels a side that the transform gives; other sizes run too
};

/// Batch norm as trained; in inference it is an affine map of the running statistics.
struct BatchNorm {
  at::Tensor weight, bias, running_mean, running_var;  // [C]
  at::Tensor num_batches_tracked;                      // [] int64: never read, kept in files
};

/// Expand (1x1), filter each channel (depthwise), project (1x1); a batch norm after each.
struct EfficientNetBlock {
  at::Tensor expand;  // [C*e, C, 1, 1]; undefined where the expansion is 1
  std::optional<BatchNorm> expand_norm;
  at::Tensor depthwise;  // [C*e, 1, k, k]
  BatchNorm depthwise_norm;
  at::Tensor project;  // [Cout, C*e, 1, 1]
  BatchNorm project_norm;
};

struct EfficientNet {
  EfficientNetConfig config;
  at::Tensor stem;  // [stem_width, 3, 3, 3]
  BatchNorm stem_norm;
  std::vector<EfficientNetBlock> blocks;
  at::Tensor head;  // [Dv, C, 1, 1]
  BatchNorm head_norm;
  Linear classifier;  // [num_classes, Dv]
};

/// A network of the given shape, uninitialised. Throws kInvalidArgument for an impossible shape.
EfficientNet make_efficientnet(const EfficientNetConfig& config);
/// Names as in the published files: `_conv_stem.weight`, `_blocks.3._bn1.running_var`, `_fc.bias`.
void visit(EfficientNet& model, const Visitor& visitor);

/// A convolution with its batch norm folded in.
struct FoldedConvolution {
  at::Tensor weight;  // [out, in / groups, k, k], channels last
  at::Tensor bias;    // [out]
  int64_t stride = 1;
  int64_t groups = 1;
};

struct FoldedBlock {
  std::optional<FoldedConvolution> expand;
  FoldedConvolution depthwise, project;
  bool has_residual = false;
};

/// What inference computes with: derived from an EfficientNet, and as exact as float32 allows.
struct FoldedEfficientNet {
  FoldedConvolution stem;
  std::vector<FoldedBlock> blocks;
  FoldedConvolution head;
};

FoldedEfficientNet fold(const EfficientNet& model);

/// The last map after its ReLU6. pixels [B, 3, H, W] -> [B, Dv, ceil(H/32), ceil(W/32)], channels
/// last.
at::Tensor feature_map(const FoldedEfficientNet& model, const at::Tensor& pixels);

/// The published encoder: (x - 127) / 128 pixels in, the 7 x 7 map of Lite0 out as 49 tokens, row
/// by row. encode() and classify() may be called by several threads.
class EfficientNetEncoder : public ImageEncoder {
 public:
  /// Folds the batch norms: the model's tensors must have been loaded.
  explicit EfficientNetEncoder(EfficientNet model);

  at::Tensor encode(const at::Tensor& pixels) const override;
  int64_t width() const override { return model_.config.head_width; }
  std::vector<NamedTensor> tensors() override { return named_tensors(model_); }

  /// Class logits [B, num_classes]: the mean of the tokens through the classifier.
  at::Tensor classify(const at::Tensor& pixels) const;
  const EfficientNetConfig& config() const { return model_.config; }

 private:
  EfficientNet model_;
  FoldedEfficientNet folded_;
};

/// `efficientnet_lite`.
ImageEncoderFamily efficientnet_family();
/// What the family says of a configuration.
ImageEncoderShape efficientnet_shape(const EfficientNetConfig& config = {});

}  // namespace blip2
