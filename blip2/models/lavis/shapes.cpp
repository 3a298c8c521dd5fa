// Reading the sizes of a model off the shapes of a checkpoint's tensors.
#include "blip2/models/lavis/shapes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"
#include "blip2/base/shape_text.h"

namespace blip2 {
namespace {

/// Looks up shapes; every method throws for what it does not find.
class Shapes {
 public:
  explicit Shapes(const TensorSource& source) : source_(source) {}

  bool has(const std::string& name) const { return find(name) != nullptr; }

  /// The shape of a tensor with `num_dimensions` dimensions, none of them 0.
  const std::vector<int64_t>& of(const std::string& name, size_t num_dimensions) const {
    const TensorInfo* info = find(name);
    if (info == nullptr) {
      fail(ErrorCode::kCorruptData, "{}: expected a tensor {}, which tells a size of the model",
           source_.describe(), quote(name));
    }
    const bool has_zero = std::find(info->shape.begin(), info->shape.end(), 0) != info->shape.end();
    if (info->shape.size() != num_dimensions || has_zero) {
      fail(ErrorCode::kCorruptData, "{}: expected {} with {} dimensions other than 0, found {}",
           source_.describe(), quote(name), num_dimensions, shape_text(info->shape));
    }
    return info->shape;
  }

  /// The rows of a matrix of that width.
  int64_t rows(const std::string& name, int64_t width) const {
    const std::vector<int64_t>& shape = of(name, 2);
    require(name, shape[1], width);
    return shape[0];
  }

  void require(const std::string& name, int64_t found, int64_t expected) const {
    if (found != expected) {
      fail(ErrorCode::kCorruptData, "{}: expected {} of width {} by the other tensors, found {}",
           source_.describe(), quote(name), expected, found);
    }
  }

  /// How many numbers N, from 0, have a tensor before + N + after.
  int64_t count(const std::string& before, const std::string& after) const {
    int64_t number = 0;
    while (has(fmt::format("{}{}{}", before, number, after))) ++number;
    return number;
  }

  [[noreturn]] void fault(const std::string& what) const {
    fail(ErrorCode::kCorruptData, "{}: {}", source_.describe(), what);
  }

 private:
  const TensorInfo* find(const std::string& name) const { return find_info(source_, name); }

  const TensorSource& source_;
};

}  // namespace

VisionSizes vision_sizes(const TensorSource& source, const std::string& prefix) {
  const Shapes shapes(source);
  const std::string embeddings = prefix + "embeddings.", layers = prefix + "encoder.layers.";
  const std::string patch = embeddings + "patch_embedding.weight";
  const std::vector<int64_t>& kernel = shapes.of(patch, 4);  // [Dv, 3, S, S]
  if (kernel[1] != 3 || kernel[2] != kernel[3]) {
    shapes.fault(fmt::format("expected {} of shape [width, 3, size, size], found {}", quote(patch),
                             shape_text(kernel)));
  }
  VisionSizes sizes;
  sizes.hidden_size = kernel[0];
  sizes.patch_size = kernel[2];
  sizes.num_hidden_layers = shapes.count(layers, ".layer_norm1.weight");
  if (sizes.num_hidden_layers == 0) shapes.fault("the image encoder has no layers");
  sizes.intermediate_size = shapes.rows(layers + "0.mlp.fc1.weight", sizes.hidden_size);

  // [1, 1 + P, Dv], CLIP's [1 + P, Dv]
  const std::string eva = embeddings + "position_embedding", clip = eva + ".weight";
  const bool is_clip = !shapes.has(eva);
  const std::string& name = is_clip ? clip : eva;
  const std::vector<int64_t>& positions = shapes.of(name, is_clip ? 2 : 3);
  shapes.require(name, positions.back(), sizes.hidden_size);
  const int64_t num_patches = positions[positions.size() - 2] - 1;
  const auto side = std::llround(std::sqrt(static_cast<double>(num_patches)));
  if (num_patches < 1 || num_patches > (int64_t{1} << 30) || side * side != num_patches) {
    shapes.fault(fmt::format("expected {} for the patches of a square and a class, found {} rows",
                             quote(name), num_patches + 1));
  }
  sizes.image_size = side * sizes.patch_size;
  return sizes;
}

QFormerConfig qformer_sizes(const TensorSource& source, const QFormerConfig& base) {
  const Shapes shapes(source);
  QFormerConfig config = base;
  const std::vector<int64_t>& queries = shapes.of("query_tokens", 3);  // [1, Q, D]
  config.num_query_tokens = queries[1];
  config.hidden_size = queries[2];
  if (base.num_attention_heads < 1 || config.hidden_size % base.num_attention_heads != 0) {
    shapes.fault(fmt::format("a Q-Former of width {} does not go with {} heads", config.hidden_size,
                             base.num_attention_heads));
  }
  const std::string layers = "qformer.encoder.layer.";
  config.num_hidden_layers = shapes.count(layers, ".attention.attention.query.weight");
  if (config.num_hidden_layers == 0) shapes.fault("the Q-Former has no layers");
  config.intermediate_size =
      shapes.rows(layers + "0.intermediate_query.dense.weight", config.hidden_size);
  const std::string key = ".crossattention.attention.key.weight";
  config.encoder_hidden_size = shapes.of(layers + "0" + key, 2)[1];

  const auto crosses = [&](int64_t i) { return shapes.has(layers + std::to_string(i) + key); };
  int64_t frequency = 1;
  while (frequency < config.num_hidden_layers && !crosses(frequency)) ++frequency;
  // A single layer fits every frequency beyond the last layer.
  config.cross_attention_frequency = frequency == config.num_hidden_layers
                                         ? std::max(frequency, base.cross_attention_frequency)
                                         : frequency;
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    if (crosses(i) != (i % config.cross_attention_frequency == 0)) {
      shapes.fault(fmt::format("cross-attention in every {} layers expected, layer {} has {}",
                               config.cross_attention_frequency, i, crosses(i) ? "one" : "none"));
    }
  }
  for (const std::string before : {"embeddings.", "qformer.embeddings."}) {
    const std::string words = before + "word_embeddings.weight";
    if (!shapes.has(words)) continue;
    config.vocab_size = shapes.rows(words, config.hidden_size);
    config.max_position_embeddings =
        shapes.rows(before + "position_embeddings.weight", config.hidden_size);
  }
  return config;
}

int64_t joint_width(const TensorSource& source) {
  return Shapes(source).of("vision_projection.weight", 2)[0];
}

int64_t language_width(const TensorSource& source) {
  return Shapes(source).of("language_projection.weight", 2)[0];
}

BlipTextSizes blip_text_sizes(const TensorSource& source, const std::string& prefix) {
  const Shapes shapes(source);
  const std::string embeddings = prefix + "embeddings.", layers = prefix + "encoder.layer.";
  BlipTextSizes sizes;
  const std::vector<int64_t>& words = shapes.of(embeddings + "word_embeddings.weight", 2);
  sizes.vocab_size = words[0];
  sizes.hidden_size = words[1];
  sizes.max_position_embeddings =
      shapes.rows(embeddings + "position_embeddings.weight", sizes.hidden_size);
  sizes.num_hidden_layers = shapes.count(layers, ".attention.self.query.weight");
  if (sizes.num_hidden_layers == 0) shapes.fault(prefix + "encoder has no layers");
  sizes.intermediate_size = shapes.rows(layers + "0.intermediate.dense.weight", sizes.hidden_size);
  const std::string key = layers + "0.crossattention.self.key.weight";
  if (shapes.has(key)) sizes.encoder_hidden_size = shapes.of(key, 2)[1];
  return sizes;
}

}  // namespace blip2
