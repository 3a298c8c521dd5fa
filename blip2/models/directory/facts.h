// What the directories that training starts from say of themselves, without their weights: enough
// to tell in a moment whether they fit together. Opening them is parts.h's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "blip2/text/tokenizer.h"

namespace blip2 {

struct ImageEncoderFacts {
  int64_t width = 0;       ///< Dv
  int64_t image_size = 0;  ///< pixels a side that it is shown by its directory's transform
  int64_t patch_size = 0;  ///< pixels a side of a ViT's patch; 0: it can be neither trained nor
                           ///< shown another size
};

/// What a Q-Former starts from.
struct QFormerFacts {
  bool is_bert = false;
  bool is_instruct = false;    ///< of an InstructBLIP, which reads the question beside the queries
  bool has_text_side = false;  ///< of a BERT or a stage-1 model
  int64_t encoder_width = 0;   ///< Dv that it looks at; 0: of a BERT
  int64_t language_width = 0;  ///< Dl that it speaks to; 0: it does not
};

struct LanguageModelFacts {
  std::string family;  ///< "opt", "t5", "llama"
  int64_t width = 0;   ///< Dl
  std::unique_ptr<Tokenizer> tokenizer;
};

/// Each reads configuration, tokenizer and the headers of the weights. `path` is what
/// open_image_encoder(), a BLIP-2 or BERT directory, or open_language_model() takes. Throws
/// kNotFound, kCorruptData, kUnsupported or kInvalidArgument, naming the file, where it could not
/// be opened.
ImageEncoderFacts image_encoder_facts(const std::filesystem::path& path);
QFormerFacts qformer_facts(const std::filesystem::path& directory);
LanguageModelFacts language_model_facts(const std::filesystem::path& path);

}  // namespace blip2
