// The families of frozen parts, one line each: from a configuration to uninitialised weights, from
// loaded weights to the interface that the program sees. No files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "blip2/checkpoint/load.h"
#include "blip2/models/configs/bundle_config.h"
#include "blip2/models/language/language_model.h"
#include "blip2/models/language/llama.h"
#include "blip2/models/language/opt.h"
#include "blip2/models/language/t5.h"
#include "blip2/models/vision/efficientnet.h"
#include "blip2/models/vision/image_encoder.h"
#include "blip2/models/vision/vit.h"
#include "blip2/nn/module.h"

namespace blip2 {

using VisionWeights = std::variant<EfficientNet, Vit>;
using LanguageWeights = std::variant<Llama, Opt, T5>;

VisionWeights make_vision_weights(const VisionConfig& config);
LanguageWeights make_language_weights(const LanguageConfig& config);

std::vector<NamedTensor> weight_tensors(VisionWeights& weights);
std::vector<NamedTensor> weight_tensors(LanguageWeights& weights);

/// The weights must have been loaded: an encoder may derive from them what it computes with.
std::unique_ptr<ImageEncoder> make_image_encoder(VisionWeights weights);
std::unique_ptr<LanguageModel> make_language_model(LanguageWeights weights);

/// Dv and Dl.
int64_t width_of(const VisionConfig& config);
int64_t width_of(const LanguageConfig& config);
/// Longest sequence of the language model, in tokens; T5, whose positions are relative, has no
/// limit but the reference's habit of 512.
int64_t max_positions(const LanguageConfig& config);
/// V of the language model.
int64_t vocab_size(const LanguageConfig& config);
/// Slots for the weights, whose names in the source are `prefix` + ours. Where tensors are tied, a
/// file may have any one of their names, or several: which, depends on what wrote it.
std::vector<Slot> language_slots(LanguageWeights& weights, const LanguageConfig& config,
                                 const std::string& prefix);
/// The names of `model_type` for messages and `inspect`.
std::string family_name(const VisionConfig& config);
std::string family_name(const LanguageConfig& config);
/// The sizes of a configuration by the names of config.json, in a reader's order.
std::vector<std::pair<std::string, int64_t>> sizes_of(const VisionConfig& config);
std::vector<std::pair<std::string, int64_t>> sizes_of(const LanguageConfig& config);

/// How many parameters a configuration claims, about: to be held against a file before memory is
/// taken for it.
double claimed_parameters(const VisionConfig& config);
double claimed_parameters(const LanguageConfig& config);
double claimed_parameters(const QFormerConfig& config, TextSide text);
double claimed_parameters(const BlipTextConfig& config);
/// The same of a BERT.
double claimed_bert_parameters(const QFormerConfig& config);

}  // namespace blip2
