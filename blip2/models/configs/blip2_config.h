// The config.json of a BLIP-2, an InstructBLIP and a BERT directory as values, parsed and written.
#pragma once

#include <cstdint>
#include <string>

#include "blip2/models/blip2/qformer.h"
#include "blip2/models/configs/directory_kind.h"

namespace blip2 {

/// config.json of a blip-2 or instructblip directory. `vision_json` and `text_json` are carried
/// along as text.
struct Blip2Config {
  DirectoryKind kind = DirectoryKind::kStage1;
  std::string vision_json;
  std::string text_json;  ///< "" in a retrieval model
  QFormerConfig qformer;
  double image_norm_eps = 1e-6;  ///< vision_config.layer_norm_eps, unless `image_norm_eps` is said
  int64_t image_text_hidden_size = 256;
  int64_t max_text_length = 0;  ///< 0: not said
  int64_t image_token_id = -1;  ///< of <image>, which stands for a query in Hugging Face's inputs
  std::string prompt;
};

/// Parses the config.json of a blip-2 or instructblip directory. Absent keys have Hugging Face's
/// defaults. Throws kCorruptData for a value that is out of range, naming file and key.
Blip2Config parse_blip2(const ConfigFields& fields);
/// The text of config.json, all sizes explicit.
std::string format_blip2(const Blip2Config& config);

/// Parses a config.json of BERT: its shape; queries and cross-attention keep the defaults.
QFormerConfig parse_bert(const ConfigFields& fields);

}  // namespace blip2
