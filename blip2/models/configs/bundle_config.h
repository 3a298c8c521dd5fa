// The configuration files of a model directory as values: config.json in Hugging Face's schema and
// preprocessor_config.json, parsed and written. No weights.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>

#include "blip2/base/directory_writer.h"
#include "blip2/image/transforms.h"
#include "blip2/models/blip/text_decoder.h"
#include "blip2/models/blip2/qformer.h"
#include "blip2/models/clip/clip.h"
#include "blip2/models/language/llama.h"
#include "blip2/models/language/opt.h"
#include "blip2/models/language/t5_config.h"
#include "blip2/models/vision/efficientnet.h"
#include "blip2/models/vision/vit.h"

namespace blip2 {

/// Whether a config.json is a model's: a JSON object with `model_type` or `architectures`.
bool is_model_config(std::string_view content);

/// How a model directory that this program wrote is known when one is written over it. Of another's
/// directory `convert --base` copies the files that are named here.
inline const DirectoryMark kModelDirectory{"model",
                                           "config.json",
                                           is_model_config,
                                           {"config.json",
                                            "generation_config.json",
                                            "preprocessor_config.json",
                                            "processor_config.json",
                                            "model.safetensors",
                                            "tokenizer.json",
                                            "tokenizer_config.json",
                                            "special_tokens_map.json",
                                            "added_tokens.json",
                                            "vocab.txt",
                                            "vocab.json",
                                            "merges.txt",
                                            "spiece.model",
                                            "tokenizer.model",
                                            "chat_template.jinja",
                                            "chat_template.json",
                                            "LICENSE",
                                            "LICENSE.txt",
                                            "LICENSE.md",
                                            "qformer_tokenizer/tokenizer.json",
                                            "qformer_tokenizer/tokenizer_config.json",
                                            "qformer_tokenizer/special_tokens_map.json",
                                            "qformer_tokenizer/added_tokens.json",
                                            "qformer_tokenizer/vocab.txt"}};

/// What a directory is, by `model_type` and `architectures` of its config.json.
enum class DirectoryKind {
  kRetrieval,       ///< blip-2, Blip2ForImageTextRetrieval: stage 1
  kGeneration,      ///< blip-2, Blip2ForConditionalGeneration: stage 2
  kInstruct,        ///< instructblip, InstructBlipForConditionalGeneration
  kBlipCaptioning,  ///< blip, BlipForConditionalGeneration
  kBlipMatching,    ///< blip, BlipForImageTextRetrieval
  kBlipAnswering,   ///< blip, BlipForQuestionAnswering
  kClip,            ///< clip, CLIPModel
  kImageEncoder,    ///< a lone image encoder
  kBert,            ///< a lone BERT
  kLanguageModel,   ///< a lone language model
};

/// Whether it is one of the three BLIP-1 kinds.
bool is_blip1(DirectoryKind kind);

/// The class that Hugging Face has for a kind; "" for lone parts.
std::string class_name(DirectoryKind kind);

/// The frozen parts that this program knows. A new one: a type here, a line in each of
/// parse_vision, format_vision (parse_language, ...) and in directory/families.cpp.
using VisionConfig = std::variant<EfficientNetConfig, VitConfig>;
using LanguageConfig = std::variant<LlamaConfig, OptConfig, T5Config>;

/// config.json of a blip-2 or instructblip directory. `vision_json` and `text_json` are carried
/// along as text.
struct BundleConfig {
  DirectoryKind kind = DirectoryKind::kRetrieval;
  std::string vision_json;
  std::string text_json;  ///< "" in a retrieval model
  QFormerConfig qformer;
  double image_norm_eps = 1e-6;  ///< vision_config.layer_norm_eps
  int64_t image_text_hidden_size = 256;
  int64_t max_text_length = 0;  ///< 0: not said
  int64_t image_token_id = -1;  ///< of <image>, which stands for a query in Hugging Face's inputs
  std::string prompt;
};

/// config.json of a blip directory (BLIP-1).
struct BlipConfig {
  DirectoryKind kind = DirectoryKind::kBlipCaptioning;
  std::string vision_json;
  BlipTextConfig text;
  int64_t image_text_hidden_size = 256;  ///< E
  double image_norm_eps = 1e-5;          ///< vision_config.layer_norm_eps
  OutputMatrix output = OutputMatrix::kTied;
};

/// The kind of a directory. Throws kNotFound (no config.json), kCorruptData, or kUnsupported naming
/// what is known.
DirectoryKind directory_kind(const std::filesystem::path& directory);

/// The config.json of a blip-2 or instructblip directory. Absent keys have Hugging Face's defaults.
/// Throws kCorruptData for a value that is out of range, naming file and key.
BundleConfig read_bundle_config(const std::filesystem::path& directory);
/// The text of config.json, all sizes explicit.
std::string format_bundle_config(const BundleConfig& config);

/// The config.json of a blip and of a clip directory. Throws as above.
BlipConfig read_blip_config(const std::filesystem::path& directory);
ClipConfig read_clip_config(const std::filesystem::path& directory);

/// A config.json of BERT: its shape; queries and cross-attention keep the defaults.
QFormerConfig read_bert_config(const std::filesystem::path& directory);

/// A `vision_config` by its model_type. `where` stands for the file in messages.
VisionConfig parse_vision(std::string_view json, const std::string& where);
std::string format_vision(const VisionConfig& config);

/// A `text_config` or a lone language model's config.json, by its model_type.
LanguageConfig parse_language(std::string_view json, const std::string& where);
std::string format_language(const LanguageConfig& config);

/// A `vision_config` with another image_size.
std::string with_image_size(std::string_view vision_json, int64_t image_size);

/// The same configuration with `torch_dtype` said otherwise.
std::string with_dtype(std::string_view language_json, const std::string& dtype);
/// The same configuration of a T5 with the exact GELU in its feed-forward.
std::string with_exact_gelu(std::string_view language_json);
/// The same configuration (or generation_config.json) with another end token.
std::string with_end_token(std::string_view language_json, int64_t id);

/// preprocessor_config.json, of BlipImageProcessor (squash) or with `shortest_edge` and `crop_size`
/// (crop), and with our `resize_mode: place_on_background`.
ImageTransform parse_transform(std::string_view json, const std::string& where);
std::string format_transform(const ImageTransform& transform);

}  // namespace blip2
