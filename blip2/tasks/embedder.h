// Features of pictures and texts inside a model, from the pixels to the first logits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "blip2/tasks/feature_spool.h"
#include "blip2/tasks/pictures.h"

namespace blip2 {

struct Bundle;

/// The features that there are, in this order: pixel_values, image_embeds (after the layer norm),
/// query_output, itc_image, itc_text, multimodal, language_inputs, logits (docs/formats.md).
const std::vector<std::string>& feature_names();

/// The bundle must outlive it. Methods may be called by several threads.
class Embedder {
 public:
  /// Throws kInvalidArgument for an unknown feature, naming the nearest, and for none at all;
  /// kUnsupported for one that this model does not have. Texts are truncated to `max_text_length`
  /// tokens for the Q-Former.
  Embedder(const Bundle& bundle, std::vector<std::string> features, int64_t max_text_length);

  /// A row of every feature for every input, in the order of `features`. Inputs are pairs of equal
  /// number, or one picture for all texts, or pictures alone, or texts alone. `logits` (of the
  /// first generated position) follow the text as it is; without one a stage-2 model's own prompt.
  /// Throws kInvalidArgument for numbers that do not pair.
  std::vector<FeatureRows> embed(const std::vector<Picture>& pictures,
                                 const std::vector<std::string>& texts) const;

 private:
  /// Whether a feature needs a text for each input (itc_text, multimodal).
  bool needs_text() const;
  /// Whether a feature needs a picture for each input (all except itc_text).
  bool needs_picture() const;

  const Bundle& bundle_;
  std::vector<std::string> features_;
  int64_t max_text_length_;
};

}  // namespace blip2
