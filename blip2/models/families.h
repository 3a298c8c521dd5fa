// The families of frozen parts, one line each: from a configuration to uninitialised weights, from
// loaded weights to the interface that the program sees. No files.
#pragma once

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "blip2/models/bundle_config.h"
#include "blip2/models/language/causal_language_model.h"
#include "blip2/models/language/llama.h"
#include "blip2/models/vision/efficientnet.h"
#include "blip2/models/vision/image_encoder.h"
#include "blip2/nn/module.h"

namespace blip2 {

using VisionWeights = std::variant<EfficientNet>;
using LanguageWeights = std::variant<Llama>;

VisionWeights make_vision_weights(const VisionConfig& config);
LanguageWeights make_language_weights(const LanguageConfig& config);

std::vector<NamedTensor> weight_tensors(VisionWeights& weights);
std::vector<NamedTensor> weight_tensors(LanguageWeights& weights);

/// The weights must have been loaded: an encoder may derive from them what it computes with.
std::unique_ptr<ImageEncoder> make_image_encoder(VisionWeights weights);
std::unique_ptr<CausalLanguageModel> make_language_model(LanguageWeights weights);

/// Dv and Dl.
int64_t width_of(const VisionConfig& config);
int64_t width_of(const LanguageConfig& config);
/// Longest sequence of the language model, in tokens.
int64_t max_positions(const LanguageConfig& config);
/// V of the language model.
int64_t vocab_size(const LanguageConfig& config);
/// Whether the output matrix is the embedding table.
bool ties_output(const LanguageConfig& config);

/// How many parameters a configuration claims, about: to be held against a file before memory is
/// taken for it.
double claimed_parameters(const VisionConfig& config);
double claimed_parameters(const LanguageConfig& config);
double claimed_parameters(const QFormerConfig& config, TextSide text);
/// The same of a BERT.
double claimed_bert_parameters(const QFormerConfig& config);

}  // namespace blip2
