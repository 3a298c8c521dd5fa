// A model in memory as one value: image encoder, trained half, language model, tokenizers and image
// transform, and what it can do. What `train` writes and `--model` reads (docs/formats.md).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/image/transforms.h"
#include "blip2/models/blip2/stage1.h"
#include "blip2/models/blip2/stage2.h"
#include "blip2/models/image_text_features.h"
#include "blip2/models/language/causal_language_model.h"
#include "blip2/models/language/language_model_family.h"
#include "blip2/models/text_writer.h"
#include "blip2/models/vision/image_encoder.h"
#include "blip2/nn/autocast.h"
#include "blip2/text/tokenizer.h"

namespace blip2 {

/// A model of one family. What it can do is asked of `features` and `writer`; the halves of BLIP-2
/// are here for those who train, save or inspect them.
struct Bundle {
  at::Device device = at::kCPU;  ///< where its tensors live
  /// What tasks compute in, on any thread that calls them. The models themselves compute as their
  /// caller's Autocast says.
  Arithmetic arithmetic = Arithmetic::kFloat32;
  std::unique_ptr<ImageEncoder> image_encoder;
  ImageTransform transform;

  std::unique_ptr<ImageTextFeatures> features;  ///< null: the model has none
  std::unique_ptr<TextWriter> writer;           ///< null: the model does not write

  std::unique_ptr<Stage1> stage1;                 ///< BLIP-2 for retrieval
  std::unique_ptr<Stage2> stage2;                 ///< BLIP-2 and InstructBLIP that write
  std::unique_ptr<LanguageModel> language_model;  ///< behind it
  /// The layer norm between the encoder's output and the rest of the model; null: there is none.
  const LayerNorm* image_norm = nullptr;

  std::unique_ptr<Tokenizer> qformer_tokenizer;  ///< WordPiece with [DEC]
  std::unique_ptr<Tokenizer> text_tokenizer;     ///< of the model that reads or writes the text
  int64_t max_text_length = 32;                  ///< tokens of a text, special ones included
  /// What training put before each caption (stage 2); the default of captioning.
  std::string prompt;
  int64_t image_token_id = -1;   ///< of <image>, where the model's inputs count the queries as such
  int64_t max_positions = 0;     ///< tokens that the text model has positions for; 0: not known
  bool positions_go_on = false;  ///< as LanguageModelShape's
  CaptionEnd caption_end = CaptionEnd::kEndToken;
  std::string language_family;         ///< `model_type` of the language model
  std::string generation_json = "{}";  ///< generation_config.json, as it is
  std::string vision_json;             ///< vision_config of config.json, as it is
  std::string text_json;  ///< text_config of config.json, as it is (stage 2, BLIP); else ""
};

/// Whether the Q-Former reads the instruction that the language model gets.
bool is_instruct(const Bundle& bundle);

/// The encoder's raw output for pictures, without a graph; they may be on another device.
/// pixels [B, 3, H, W] -> [B, P, Dv].
at::Tensor encode_images(const Bundle& bundle, const at::Tensor& pixels);

/// Raw outputs as the rest of the model reads them: after `image_norm`. [B, P, Dv] -> [B, P, Dv].
at::Tensor norm_images(const Bundle& bundle, const at::Tensor& image_embeds);

/// Whether a model writes texts, and whether it can continue a prompt.
bool can_write(const Bundle& bundle);
bool can_be_prompted(const Bundle& bundle);

/// TextWriter::start() without a graph. The bundle must outlive the result. Throws kUnsupported for
/// a model that does not write.
StartedTexts start_writing(const Bundle& bundle, const at::Tensor& image_embeds,
                           const std::vector<Prompt>& prompts);

/// The language model where it is decoder-only. Throws kUnsupported where it is not, or missing.
const CausalLanguageModel& causal_language_model(const Bundle& bundle);

/// The token that ends a caption in stage 2 (CaptionEnd).
int64_t caption_end_id(const Bundle& bundle);

struct BundleOptions {
  at::Device device = at::kCPU;
  /// Matrices are held in bfloat16 for every dtype in the file: half the memory of float32.
  bool has_bfloat16_matrices = false;
  Arithmetic arithmetic = Arithmetic::kFloat32;      ///< becomes the bundle's
  ResizeOrder resize_order = ResizeOrder::kByShape;  ///< becomes its transform's
};

/// What a `dtype` asks for. "float32": float32 arithmetic. "bfloat16": matrices in bfloat16, and
/// its arithmetic where the device has it in hardware. "auto": the arithmetic alone, the weights as
/// the file has them.
inline BundleOptions bundle_options(std::string_view dtype, at::Device device) {
  return {.device = device,
          .has_bfloat16_matrices = dtype == "bfloat16",
          .arithmetic = arithmetic(dtype != "float32", device)};
}

/// Reads a directory; strict and memory-mapped. Each of its files is opened once. Throws kNotFound,
/// kCorruptData or kUnsupported, naming the file, the key or the tensor, what was expected and what
/// was found.
Bundle load_bundle(const std::filesystem::path& directory, const BundleOptions& options = {});

/// Writes model.safetensors (frozen parts included), config.json, preprocessor_config.json,
/// generation_config.json and the tokenizer's files into `directory`, so that load_bundle() gives
/// the same model.
void save_bundle(const Bundle& bundle, const std::filesystem::path& directory);

}  // namespace blip2
