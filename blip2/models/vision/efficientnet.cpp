// EfficientNet-Lite: its tensors, folding of batch norms, and inference.
#include "blip2/models/vision/efficientnet.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/hardtanh.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <utility>

#include "blip2/base/error.h"
#include "blip2/base/shape_text.h"
#include "blip2/nn/autocast.h"

namespace blip2 {
namespace {

/// Images that run together on a CPU: enough to fill the kernels, few enough that a layer's output
/// stays in the caches and below the size at which the allocator asks the system for fresh pages
/// each time.
constexpr int64_t kPicturesAtOnce = 4;

void check(const EfficientNetConfig& config) {
  bool possible = config.stem_width > 0 && config.head_width > 0 && config.num_classes > 0 &&
                  config.batch_norm_eps > 0 && !config.stages.empty();
  for (const EfficientNetStage& stage : config.stages) {
    possible = possible && stage.repeats > 0 && stage.kernel > 0 && stage.kernel % 2 == 1 &&
               (stage.stride == 1 || stage.stride == 2) && stage.expansion > 0 && stage.width > 0;
  }
  if (!possible) {
    fail(ErrorCode::kInvalidArgument,
         "EfficientNet: expected positive widths and repeats, odd kernels, strides of 1 or 2");
  }
}

BatchNorm make_batch_norm(int64_t width) {
  return {empty_parameter({width}), empty_parameter({width}), empty_parameter({width}),
          empty_parameter({width}), at::zeros({}, at::kLong)};
}

EfficientNetBlock make_block(int64_t in, int64_t expansion, int64_t kernel, int64_t out) {
  const int64_t inner = in * expansion;
  EfficientNetBlock block;
  if (expansion != 1) {
    block.expand = empty_parameter({inner, in, 1, 1});
    block.expand_norm = make_batch_norm(inner);
  }
  block.depthwise = empty_parameter({inner, 1, kernel, kernel});
  block.depthwise_norm = make_batch_norm(inner);
  block.project = empty_parameter({out, inner, 1, 1});
  block.project_norm = make_batch_norm(out);
  return block;
}

void visit(BatchNorm& norm, const Visitor& visitor) {
  visitor("weight", norm.weight);
  visitor("bias", norm.bias);
  visitor("running_mean", norm.running_mean);
  visitor("running_var", norm.running_var);
  visitor("num_batches_tracked", norm.num_batches_tracked);
}

FoldedConvolution fold(const at::Tensor& weight, const BatchNorm& norm, double eps) {
  const at::Tensor scale =
      norm.weight.to(at::kDouble) / (norm.running_var.to(at::kDouble) + eps).sqrt();
  FoldedConvolution folded;
  folded.weight = (weight.to(at::kDouble) * scale.reshape({-1, 1, 1, 1}))
                      .to(at::kFloat)
                      .contiguous(at::MemoryFormat::ChannelsLast);
  folded.bias =
      (norm.bias.to(at::kDouble) - norm.running_mean.to(at::kDouble) * scale).to(at::kFloat);
  return folded;
}

void check_pixels(const at::Tensor& pixels) {
  if (pixels.dim() != 4 || pixels.size(1) != 3 || pixels.size(0) < 1 || pixels.size(2) < 1 ||
      pixels.size(3) < 1 || pixels.scalar_type() != at::kFloat) {
    fail(ErrorCode::kInvalidArgument,
         "EfficientNet: expected pixels of [B, 3, H, W] float32, found {} {}",
         shape_text(pixels.sizes().vec()), at::toString(pixels.scalar_type()));
  }
}

/// TensorFlow's SAME padding of one axis, before and after: the output has ceil(size / stride)
/// values, and an odd pixel of padding goes to the end.
std::pair<int64_t, int64_t> same_padding(int64_t size, int64_t kernel, int64_t stride) {
  const int64_t outputs = (size + stride - 1) / stride;
  const int64_t total = std::max<int64_t>((outputs - 1) * stride + kernel - size, 0);
  return {total / 2, total - total / 2};
}

at::Tensor convolve(const FoldedConvolution& convolution, at::Tensor x) {
  const auto [top, bottom] =
      same_padding(x.size(2), convolution.weight.size(2), convolution.stride);
  const auto [left, right] =
      same_padding(x.size(3), convolution.weight.size(3), convolution.stride);
  const std::array<int64_t, 2> stride = {convolution.stride, convolution.stride};
  const std::array<int64_t, 2> dilation = {1, 1};
  std::array<int64_t, 2> padding = {top, left};
  if (top != bottom || left != right) {  // only even paddings are the convolution's own
    x = at::constant_pad_nd(x, {left, right, top, bottom});
    padding = {0, 0};
  }
  return at::conv2d(x, convolution.weight, convolution.bias, stride, padding, dilation,
                    convolution.groups);
}

at::Tensor convolve_relu6(const FoldedConvolution& convolution, const at::Tensor& x) {
  at::Tensor y = convolve(convolution, x);
  at::hardtanh_(y, 0, 6);
  return y;
}

at::Tensor run_block(const FoldedBlock& block, const at::Tensor& x) {
  at::Tensor y = block.expand ? convolve_relu6(*block.expand, x) : x;
  y = convolve(block.project, convolve_relu6(block.depthwise, y));
  if (block.has_residual) y.add_(x);
  return y;
}

}  // namespace

EfficientNet make_efficientnet(const EfficientNetConfig& config) {
  check(config);
  EfficientNet model;
  model.config = config;
  model.stem = empty_parameter({config.stem_width, 3, 3, 3});
  model.stem_norm = make_batch_norm(config.stem_width);
  int64_t width = config.stem_width;
  for (const EfficientNetStage& stage : config.stages) {
    for (int64_t i = 0; i < stage.repeats; ++i) {
      model.blocks.push_back(make_block(width, stage.expansion, stage.kernel, stage.width));
      width = stage.width;
    }
  }
  model.head = empty_parameter({config.head_width, width, 1, 1});
  model.head_norm = make_batch_norm(config.head_width);
  model.classifier = make_linear(config.head_width, config.num_classes);
  return model;
}

void visit(EfficientNet& model, const Visitor& visitor) {
  visitor("_conv_stem.weight", model.stem);
  visit(model.stem_norm, visitor.under("_bn0"));
  for (size_t i = 0; i < model.blocks.size(); ++i) {
    EfficientNetBlock& block = model.blocks[i];
    const Visitor inner = visitor.under("_blocks", i);
    visitor.under("_blocks", i)("_expand_conv.weight", block.expand);
    if (block.expand_norm) visit(*block.expand_norm, inner.under("_bn0"));
    inner("_depthwise_conv.weight", block.depthwise);
    visit(block.depthwise_norm, inner.under("_bn1"));
    inner("_project_conv.weight", block.project);
    visit(block.project_norm, inner.under("_bn2"));
  }
  visitor("_conv_head.weight", model.head);
  visit(model.head_norm, visitor.under("_bn1"));
  visit(model.classifier, visitor.under("_fc"));
}

FoldedEfficientNet fold(const EfficientNet& model) {
  const at::NoGradGuard no_grad;
  const double eps = model.config.batch_norm_eps;
  FoldedEfficientNet folded;
  folded.stem = fold(model.stem, model.stem_norm, eps);
  folded.stem.stride = 2;
  int64_t width = model.config.stem_width;
  for (const EfficientNetStage& stage : model.config.stages) {
    for (int64_t i = 0; i < stage.repeats; ++i) {
      const EfficientNetBlock& block = model.blocks[folded.blocks.size()];
      FoldedBlock result;
      if (block.expand_norm) result.expand = fold(block.expand, *block.expand_norm, eps);
      result.depthwise = fold(block.depthwise, block.depthwise_norm, eps);
      result.depthwise.stride = i == 0 ? stage.stride : 1;
      result.depthwise.groups = block.depthwise.size(0);
      result.project = fold(block.project, block.project_norm, eps);
      result.has_residual = result.depthwise.stride == 1 && width == stage.width;
      width = stage.width;
      folded.blocks.push_back(std::move(result));
    }
  }
  folded.head = fold(model.head, model.head_norm, eps);
  return folded;
}

at::Tensor feature_map(const FoldedEfficientNet& model, const at::Tensor& pixels) {
  check_pixels(pixels);
  const at::NoGradGuard no_grad;
  at::Tensor x = pixels.contiguous(at::MemoryFormat::ChannelsLast);
  x = convolve_relu6(model.stem, x);
  for (const FoldedBlock& block : model.blocks) x = run_block(block, x);
  return convolve_relu6(model.head, x);
}

EfficientNetEncoder::EfficientNetEncoder(EfficientNet model)
    : model_(std::move(model)), folded_(fold(model_)) {}

at::Tensor EfficientNetEncoder::encode(const at::Tensor& pixels) const {
  // In bfloat16 what is rounded from block to block moves the features after it by a tenth.
  const Autocast exact(Arithmetic::kFloat32);
  check_pixels(pixels);
  const int64_t batch = pixels.size(0);
  const at::Device device = model_.classifier.weight.device();
  const int64_t chunk = device.is_cpu() ? kPicturesAtOnce : batch;
  at::Tensor tokens;
  for (int64_t first = 0; first < batch; first += chunk) {
    const int64_t count = std::min(chunk, batch - first);
    const at::Tensor map = feature_map(folded_, pixels.narrow(0, first, count).to(device));
    const at::Tensor rows = map.permute({0, 2, 3, 1}).reshape({count, -1, width()});  // [b, P, Dv]
    if (count == batch) return rows;
    if (!tokens.defined()) tokens = at::empty({batch, rows.size(1), width()}, rows.options());
    tokens.narrow(0, first, count).copy_(rows);
  }
  return tokens;
}

at::Tensor EfficientNetEncoder::classify(const at::Tensor& pixels) const {
  return apply(model_.classifier, encode(pixels).mean(1));
}

}  // namespace blip2
