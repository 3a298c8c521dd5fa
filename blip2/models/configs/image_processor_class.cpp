// The defaults are those of transformers 4.57 (models/*/image_processing_*.py) and of 5, which agree.
#include "blip2/models/configs/image_processor_class.h"

#include <algorithm>
#include <iterator>

#include "blip2/base/error.h"
#include "blip2/base/quote.h"

namespace blip2 {
namespace {

constexpr std::array<double, 3> kClipMean = {0.48145466, 0.4578275, 0.40821073};
constexpr std::array<double, 3> kClipStd = {0.26862954, 0.26130258, 0.27577711};
constexpr std::array<double, 3> kHalf = {0.5, 0.5, 0.5};

constexpr ImageProcessorClass kProcessors[] = {
    {"BlipImageProcessor", 384, true, false, false, false, Filter::kBicubic, kClipMean, kClipStd},
    {"CLIPImageProcessor", 224, false, true, true, true, Filter::kBicubic, kClipMean, kClipStd},
    {"BitImageProcessor", 224, false, true, true, true, Filter::kBicubic, kClipMean, kClipStd},
    {"SiglipImageProcessor", 224, false, false, false, false, Filter::kBicubic, kHalf, kHalf},
    {"ViTImageProcessor", 224, true, false, false, false, Filter::kBilinear, kHalf, kHalf},
    {"DeiTImageProcessor", 256, true, false, true, true, Filter::kBicubic, kHalf, kHalf},
};
constexpr const ImageProcessorClass& kBlip = kProcessors[0];
constexpr const ImageProcessorClass& kClip = kProcessors[1];
constexpr const ImageProcessorClass& kBit = kProcessors[2];
constexpr const ImageProcessorClass& kSiglip = kProcessors[3];

bool take_suffix(std::string& name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return false;
  name.resize(name.size() - suffix.size());
  return true;
}

}  // namespace

ImageProcessorType image_processor_type(std::string_view name, const std::string& where) {
  std::string base(name);
  const bool is_general = take_suffix(base, "Fast") || take_suffix(base, "Pil");
  if (take_suffix(base, "FeatureExtractor")) base += "ImageProcessor";
  const auto* found = std::find_if(std::begin(kProcessors), std::end(kProcessors),
                                   [&](const auto& one) { return base == one.name; });
  if (found != std::end(kProcessors)) return {found, is_general};
  std::string known;
  for (const ImageProcessorClass& one : kProcessors) {
    known += (known.empty() ? "" : ", ") + std::string(one.name);
  }
  fail(ErrorCode::kUnsupported, "{}: expected one of {}, found {}", where, known, quote(name));
}

const ImageProcessorClass& image_processor_of(std::string_view processor_or_model_type) {
  const std::string_view name = processor_or_model_type;
  if (name == "clip" || name == "clip_vision_model" || name == "CLIPProcessor") return kClip;
  if (name == "siglip" || name == "siglip_vision_model" || name == "SiglipProcessor") {
    return kSiglip;
  }
  return name == "dinov2" ? kBit : kBlip;
}

}  // namespace blip2
