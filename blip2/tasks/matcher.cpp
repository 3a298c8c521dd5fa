// Scores pairs of pictures and texts, and draws where the queries attend.
#include "blip2/tasks/matcher.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/softmax.h>

#include <cmath>

#include "blip2/base/error.h"
#include "blip2/models/bundle.h"
#include "blip2/models/encode_pictures.h"
#include "blip2/models/similarity.h"
#include "blip2/nn/autocast.h"
#include "blip2/report/heat_map.h"

namespace blip2 {

struct Matcher::State {
  TextFeatures texts;
};

Matcher::Matcher(const Bundle& bundle, std::vector<std::string> texts, int64_t max_text_length)
    : bundle_(bundle), texts_(std::move(texts)), state_(std::make_unique<State>()) {
  const Autocast autocast(bundle_.arithmetic);
  state_->texts = text_features(bundle_, texts_, max_text_length);
}

Matcher::~Matcher() = default;

std::vector<std::vector<Match>> Matcher::match(const std::vector<Picture>& pictures) const {
  if (pictures.empty()) return {};
  const at::NoGradGuard no_grad;
  const Autocast autocast(bundle_.arithmetic);
  const at::Tensor embeds = encode_pictures(bundle_, pixels_of(pictures));
  const at::Tensor cosines =
      all_similarities(image_features(bundle_, embeds), state_->texts.projected);  // [N, M]
  std::vector<int64_t> images, texts;
  for (size_t i = 0; i < pictures.size(); ++i) {
    for (size_t t = 0; t < texts_.size(); ++t) {
      images.push_back(static_cast<int64_t>(i));
      texts.push_back(static_cast<int64_t>(t));
    }
  }
  at::Tensor logits, probabilities;  // [N*M, 2]
  if (has_matching(bundle_)) {
    logits = pair_logits(bundle_, embeds, state_->texts, images, texts);
    probabilities = at::softmax(logits, 1);
  }
  std::vector<std::vector<Match>> rows(pictures.size());
  for (size_t i = 0; i < images.size(); ++i) {
    const int64_t pair = static_cast<int64_t>(i);
    Match match;
    match.itc = cosines[images[i]][texts[i]].item<double>();
    if (logits.defined()) {
      match.itm = {probabilities[pair][1].item<double>(),
                   {logits[pair][0].item<double>(), logits[pair][1].item<double>()}};
    }
    rows[static_cast<size_t>(images[i])].push_back(match);
  }
  return rows;
}

Image Matcher::attention(const Picture& picture, const Image& shown, size_t text) const {
  const at::NoGradGuard no_grad;
  const Autocast autocast(bundle_.arithmetic);
  if (!bundle_.stage1) {
    fail(ErrorCode::kUnsupported, "--attention: expected a BLIP-2 for retrieval (stage 1)");
  }
  const Stage1& model = *bundle_.stage1;
  const int64_t row = static_cast<int64_t>(text);
  const Text one =
      pack_text(state_->texts.ids.narrow(0, row, 1), state_->texts.mask.narrow(0, row, 1));
  const at::Tensor embeds = apply(model.image_norm, encode_pictures(bundle_, pixels_of({picture})));
  const at::Tensor last = cross_attention_maps(model.qformer, embeds, &one).back();  // [1, H, Q, P]
  at::Tensor weights = last[0].mean(0).mean(0).cpu().contiguous();                   // [P]
  const auto side_of = [](int64_t n) {
    return static_cast<int>(std::lround(std::sqrt(static_cast<double>(n))));
  };
  int side = side_of(weights.numel());
  if (int64_t{side} * side != weights.numel()) {  // a ViT's class token comes before the patches
    weights = weights.narrow(0, 1, weights.numel() - 1);
    side = side_of(weights.numel());
  }
  BLIP2_CHECK(int64_t{side} * side == weights.numel());
  const std::span<const float> values(weights.const_data_ptr<float>(),
                                      static_cast<size_t>(weights.numel()));
  return {shown.width, shown.height,
          overlay_heat_map(shown.rgb, shown.width, shown.height, values, side, side)};
}

}  // namespace blip2
