// What a model directory holds: its parts with their configurations, names and tensors, its
// tokenizers, and what of it is ignored. Loading, inspecting, the facts that training checks and
// converting are walks over this description.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "blip2/checkpoint/load.h"
#include "blip2/models/blip/blip.h"
#include "blip2/models/blip2/stage1.h"
#include "blip2/models/blip2/stage2.h"
#include "blip2/models/clip/clip.h"
#include "blip2/models/configs/blip2_config.h"
#include "blip2/models/configs/blip_config.h"
#include "blip2/models/directory/opened_directory.h"
#include "blip2/models/directory/part_names.h"
#include "blip2/models/language/language_model_family.h"
#include "blip2/models/vision/image_encoder_family.h"
#include "blip2/text/tokenizer.h"

namespace blip2 {

/// What a part is in a model.
enum class PartRole {
  kImageEncoder,
  kQFormer,  ///< all of BLIP-2 that is trained: image norm, Q-Former, projections, heads
  kLanguageModel,
  kTextModel,  ///< BLIP's and CLIP's text models with their heads
  kBert,
};

/// A part of a model as its directory has it.
struct LayoutPart {
  PartRole role;
  std::string title;   ///< "image encoder", "Q-Former and heads", "language model", ...
  std::string family;  ///< "efficientnet_lite", "blip_2_qformer", "llama", ...
  bool frozen = true;  ///< as training leaves it
  /// Sizes by the names of config.json, in a reader's order.
  std::vector<std::pair<std::string, int64_t>> sizes;
  std::vector<NamedTensor> tensors;  ///< made, not filled, under our names
  std::vector<Slot> slots;           ///< the same under the file's names
};

/// Where a tokenizer is and what is required of it.
struct TokenizerPlace {
  std::string folder = {};  ///< below the directory; "": the directory itself
  std::vector<std::string> extra_special_tokens = {};
  int64_t vocab_size = 0;  ///< rows of the table that its ids are looked up in
  /// The ids that the model puts into texts by itself: they must be there.
  std::function<std::vector<int64_t>(const Tokenizer&)> needed_ids = {};
};

/// The description of a directory. Parts point into the models below: a layout is not copied.
struct Layout {
  DirectoryKind kind = DirectoryKind::kStage1;
  std::string title;  ///< the class that Hugging Face has for it, or "image encoder", "BERT", ...
  std::vector<LayoutPart> parts;
  std::vector<TokenizerPlace> tokenizers;  ///< in a BLIP-2 that writes: text, then Q-Former
  /// Patterns of tensors in the weights that none of `parts` has.
  std::vector<std::string> ignored;

  // The configurations and models that the kind has.
  std::optional<Blip2Config> blip2;
  std::optional<BlipConfig> blip;
  std::optional<QFormerConfig> bert;
  std::optional<ImageEncoderShape> image_encoder;
  std::optional<LanguageModelShape> language_model;
  ImageEncoderWeights image_encoder_weights;
  LanguageModelWeights language_model_weights;
  std::string vision_json, text_json;  ///< their configurations, as they are
  std::unique_ptr<Stage1> stage1;      ///< of a BERT: its text side alone is filled
  std::unique_ptr<Stage2> stage2;
  std::unique_ptr<Blip> blip_model;
  std::unique_ptr<Clip> clip;
};

/// Pixels a side of the pictures that the image encoder was made for; 0: there is none.
inline int64_t encoder_size(const Layout& layout) {
  if (layout.clip) return layout.clip->config.vision.image_size;
  return layout.image_encoder ? layout.image_encoder->image_size : 0;
}

/// The activation in a T5's feed-forward: its configuration's, or the exact GELU that LAVIS puts in
/// its place (1.0.2, models/blip2_models/blip2_t5.py).
enum class T5Activation { kAsConfigured, kExactGelu };

/// Which parts are wanted. Of the others, configurations are parsed where something depends on
/// them, and tensors are ignored.
enum class Wanted { kAll, kImageEncoder, kQFormer, kLanguageModel };

struct LayoutOptions {
  Wanted wanted = Wanted::kAll;
  T5Activation t5_activation = T5Activation::kAsConfigured;  ///< `text_json` says which it is
};

/// Describes a directory. Tensors are made by their configurations; a configuration that claims
/// more parameters than the weights hold is refused before memory is taken for it. Throws
/// kCorruptData, kUnsupported, and kInvalidArgument where the kind does not have what is wanted.
Layout layout(const OpenedDirectory& directory, const LayoutOptions& options = {});

/// Where a language model's tokenizer is in its directory: the ids that it puts into a text by
/// itself, and the one that ends a text, must be words.
TokenizerPlace language_tokenizer(int64_t vocab_size);

/// The tokenizer of a place, with all ids checked against the table. Throws kNotFound where there
/// is none, kCorruptData and kUnsupported.
std::unique_ptr<Tokenizer> open_tokenizer(const std::filesystem::path& directory,
                                          const TokenizerPlace& place);

}  // namespace blip2
