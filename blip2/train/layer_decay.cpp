// The layer of a parameter follows from its name in a model directory.
#include "blip2/train/layer_decay.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "blip2/models/names/hugging_face.h"

namespace blip2 {
namespace {

constexpr int64_t kNoEncoder = -2, kBeforeLayers = -1;

/// The layer of the image encoder that a parameter belongs to, or one of the constants above.
int64_t encoder_layer(std::string_view name) {
  if (!name.starts_with(kVisionPrefix)) return kNoEncoder;
  name.remove_prefix(std::string_view(kVisionPrefix).size());
  constexpr std::string_view kLayers = "encoder.layers.";
  if (!name.starts_with(kLayers)) return kBeforeLayers;
  return std::stoll(std::string(name.substr(kLayers.size())));
}

}  // namespace

std::vector<double> layer_rate_scales(const std::vector<NamedTensor>& parameters, double decay) {
  if (decay == 1) return {};
  int64_t num_layers = 0;
  for (const NamedTensor& parameter : parameters) {
    num_layers = std::max(num_layers, encoder_layer(parameter.name) + 1);
  }
  std::vector<double> scales;
  for (const NamedTensor& parameter : parameters) {
    const int64_t layer = encoder_layer(parameter.name);
    scales.push_back(
        layer == kNoEncoder ? 1 : std::pow(decay, static_cast<double>(num_layers - layer)));
  }
  return scales;
}

}  // namespace blip2
