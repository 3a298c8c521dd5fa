// Captions of pictures: by the language model of a stage-2 model, or by the Q-Former's own head of
// a stage-1 model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "blip2/generate/options.h"
#include "blip2/tasks/pictures.h"

namespace blip2 {

struct Bundle;

struct Caption {
  std::string text;  ///< new text only, without special tokens, stripped
  double score = 0;  ///< of beam search, else the sum of the new tokens' log-probabilities
  std::vector<int64_t> tokens;  ///< the new ids
};

/// The defaults of a model: its generation_config.json over Hugging Face's.
GenerationOptions default_generation_options(const Bundle& bundle);

/// The bundle must outlive it. Methods may be called by several threads.
class Captioner {
 public:
  /// Throws kInvalidArgument for bad options or a prompt that contains "<image>".
  Captioner(const Bundle& bundle, GenerationOptions options, std::string prompt,
            uint64_t seed = 42);

  /// For each picture, num_return_sequences captions. What a picture gets does not depend on the
  /// others.
  std::vector<std::vector<Caption>> caption(const std::vector<Picture>& pictures) const;

 private:
  const Bundle& bundle_;
  GenerationOptions options_;
  std::string prompt_;
  uint64_t seed_;
};

}  // namespace blip2
