// A model directory as one value: configuration, weights, tokenizers and image transform. What
// `train` writes and `--model` reads, in Hugging Face's layout (docs/formats.md).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/image/transforms.h"
#include "blip2/models/blip/blip.h"
#include "blip2/models/blip2/generative.h"
#include "blip2/models/blip2/stage1.h"
#include "blip2/models/clip/clip.h"
#include "blip2/models/language/causal_language_model.h"
#include "blip2/models/vision/image_encoder.h"
#include "blip2/nn/autocast.h"
#include "blip2/text/tokenizer.h"

namespace blip2 {

/// A whole model of one family:
///   BLIP-2 for retrieval (stage 1)    stage1, qformer_tokenizer
///   BLIP-2 that writes (stage 2)      generative, language_model, text_tokenizer
///   InstructBLIP                      the same, and qformer_tokenizer: it reads the instruction
///   BLIP-1                            blip, text_tokenizer
///   CLIP                              clip, text_tokenizer
struct Bundle {
  at::Device device = at::kCPU;  ///< where its tensors live
  /// What tasks compute in, on whichever thread calls them. The models themselves compute as their
  /// caller's Autocast says.
  Arithmetic arithmetic = Arithmetic::kFloat32;
  std::unique_ptr<ImageEncoder> image_encoder;  ///< not in CLIP, which has its own
  ImageTransform transform;
  std::optional<Stage1> stage1;
  std::optional<Generative> generative;
  std::unique_ptr<LanguageModel> language_model;
  std::optional<Blip> blip;
  std::optional<Clip> clip;
  std::unique_ptr<Tokenizer> qformer_tokenizer;  ///< WordPiece with [DEC]
  std::unique_ptr<Tokenizer> text_tokenizer;     ///< of the model that reads or writes the text
  int64_t max_text_length = 32;                  ///< tokens of a text, special ones included
  std::string
      prompt;  ///< what training put before each caption (stage 2); the default of captioning
  int64_t image_token_id = -1;  ///< of <image>, where the model's inputs count the queries as such
  int64_t max_positions = 0;    ///< tokens that the text model has positions for; 0: not known
  std::string generation_json = "{}";  ///< generation_config.json, as it is
  std::string vision_json;             ///< vision_config of config.json, as it is
  std::string text_json;               ///< text_config of config.json, as it is (stage 2)
};

/// Whether the Q-Former reads the instruction that the language model gets.
bool is_instruct(const Bundle& bundle);

/// The encoder's raw output for pictures [B, 3, H, W], wherever they lie, without a graph. [B, P,
/// Dv].
at::Tensor encode_images(const Bundle& bundle, const at::Tensor& pixels);

/// Raw outputs as the rest of the model reads them: after the layer norm behind the encoder (CLIP
/// has none there). [B, P, Dv] -> [B, P, Dv].
at::Tensor norm_images(const Bundle& bundle, const at::Tensor& image_embeds);

/// The language model where it is decoder-only. Throws kUnsupported where it is not, or missing.
const CausalLanguageModel& causal_language_model(const Bundle& bundle);

/// The token that ends a caption in stage 2: OPT's is the line feed, as in LAVIS
/// (1.0.2, models/blip2_models/blip2_opt.py), any other's the tokenizer's end token.
int64_t caption_end_id(const Bundle& bundle);

struct BundleOptions {
  at::Device device = at::kCPU;
  /// Matrices are held in bfloat16, whatever the file says: half the memory of float32.
  bool has_bfloat16_matrices = false;
  Arithmetic arithmetic = Arithmetic::kFloat32;  ///< becomes the bundle's
};

/// What a `dtype` asks for. "float32": float32 arithmetic. "bfloat16": matrices in bfloat16, and
/// its arithmetic where the device has it in hardware. "auto": the arithmetic alone, the weights as
/// the file has them.
inline BundleOptions bundle_options(std::string_view dtype, at::Device device) {
  return {.device = device,
          .has_bfloat16_matrices = dtype == "bfloat16",
          .arithmetic = arithmetic(dtype != "float32", device)};
}

/// Reads a directory; strict and memory-mapped. Throws kNotFound, kCorruptData or kUnsupported,
/// naming the file, the key or the tensor, what was expected and what was found.
Bundle load_bundle(const std::filesystem::path& directory, const BundleOptions& options = {});

/// Writes model.safetensors (frozen parts included), config.json, preprocessor_config.json,
/// generation_config.json and the tokenizer's files into `directory`, so that load_bundle() gives
/// the same model.
void save_bundle(const Bundle& bundle, const std::filesystem::path& directory);

/// What training starts from: the keys of `model` in a training configuration.
struct AssembleOptions {
  std::filesystem::path image_encoder;  ///< a directory or file of weights
  std::string qformer;  ///< a BERT directory, a model directory, or "bert-base" (random)
  std::filesystem::path language_model;  ///< stage 2: a directory, or a .gguf
  int64_t num_query_token = 32;
  int64_t cross_attention_freq = 2;
  int64_t embed_dim = 256;
  int64_t max_text_length = 32;
  bool fold_token_types = true;
  std::string prompt;
  /// Stage 2 whose Q-Former reads the question, as an InstructBLIP's; its text side comes from
  /// `qformer_text` where `qformer` has none.
  bool reads_question = false;
  std::string qformer_text;          ///< a BERT directory, or a stage-1 model's
  bool train_image_encoder = false;  ///< as PartOptions::trained
  int64_t image_size = 0;            ///< as PartOptions::image_size
  uint64_t seed = 42;
  at::Device device = at::kCPU;
};
Bundle assemble_stage1(const AssembleOptions& options);
/// From a stage-1 or stage-2 model directory the Q-Former is taken as it is; from a plain BERT,
/// cross-attention and queries are random. With `reads_question` it is an InstructBLIP. A T5 gets
/// the exact GELU, an OPT the line feed as its end token; both are part of the saved model.
Bundle assemble_generative(const AssembleOptions& options);

}  // namespace blip2
