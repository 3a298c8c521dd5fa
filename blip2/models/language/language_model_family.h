// What a family of language models is to the rest of the program: a record that turns a
// configuration into weights, and loaded weights into a LanguageModel. The list of families is
// families.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "blip2/base/json_struct.h"
#include "blip2/models/language/language_model.h"
#include "blip2/nn/module.h"

namespace blip2 {

/// A tensor that files may have under several names.
struct TiedNames {
  std::string name;                 ///< ours
  std::vector<std::string> others;  ///< that a file may have in its place or beside it
};

/// A language model's tensors: made, not filled.
struct LanguageModelWeights {
  std::vector<NamedTensor> tensors;  ///< under the names that follow `language_model.` in a file
  std::vector<TiedNames> tied;       ///< which of the names a file has depends on what wrote it
  /// Makes the model, once, after the tensors were filled.
  std::function<std::unique_ptr<LanguageModel>()> finish;
};

/// How a language model knows that a caption has ended.
enum class CaptionEnd {
  kEndToken,  ///< its tokenizer's end token
  kLineFeed,  ///< OPT: the line feed, as in LAVIS (1.0.2, models/blip2_models/blip2_opt.py)
};

/// A configuration that its family has parsed.
struct LanguageModelShape {
  std::string family;         ///< its `model_type`: "opt", "t5", "llama"
  int64_t width = 0;          ///< Dl
  int64_t vocab_size = 0;     ///< V
  int64_t max_positions = 0;  ///< longest sequence, in tokens
  /// Whether longer ones can be computed (rotary positions); texts end there unless their length is
  /// asked for, as in the reference.
  bool positions_go_on = false;
  CaptionEnd caption_end = CaptionEnd::kEndToken;
  /// Sizes by the names of config.json, in a reader's order.
  std::vector<std::pair<std::string, int64_t>> sizes;
  std::function<LanguageModelWeights()> make;
};

/// One family of language models.
struct LanguageModelFamily {
  std::string model_type;
  /// Throws kCorruptData, naming file and key, for a value that is out of range.
  LanguageModelShape (*parse)(const ConfigFields& fields);
};

/// The parts of a shape that follow from the configuration's fields.
template <typename Config>
LanguageModelShape language_model_shape(const Config& config, const char* family, int64_t width,
                                        int64_t max_positions) {
  LanguageModelShape shape;
  shape.family = family;
  shape.width = width;
  shape.vocab_size = config.vocab_size;
  shape.max_positions = max_positions;
  shape.sizes = whole_numbers(config);
  return shape;
}

/// The weights of `model`, which `Wrapped`, a LanguageModel, takes over when they are filled.
template <typename Wrapped, typename Model>
LanguageModelWeights language_model_weights(Model made, std::vector<TiedNames> tied) {
  const auto model = std::make_shared<Model>(std::move(made));
  return {named_tensors(*model), std::move(tied), [model]() -> std::unique_ptr<LanguageModel> {
            return std::make_unique<Wrapped>(std::move(*model));
          }};
}

}  // namespace blip2
