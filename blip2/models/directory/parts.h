// The parts that training starts from, each out of its own directory or file: a frozen image
// encoder, a frozen language model, a BERT. Whole models are bundle.h's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "blip2/base/random.h"
#include "blip2/checkpoint/source.h"
#include "blip2/image/transforms.h"
#include "blip2/models/blip2/stage1.h"
#include "blip2/models/language/language_model.h"
#include "blip2/models/vision/image_encoder.h"
#include "blip2/text/tokenizer.h"

namespace blip2 {

struct ImageEncoderPart {
  std::unique_ptr<ImageEncoder> encoder;
  ImageTransform transform;
  std::string vision_json;  ///< its configuration
};

/// Whether every weight is looked at for NaN and infinities, which reads the whole file.
enum class Finiteness { kChecked, kTrusted };

/// The activation in a T5's feed-forward: its configuration's, or the exact GELU that LAVIS puts in
/// its place (1.0.2, models/blip2_models/blip2_t5.py).
enum class T5Activation { kAsConfigured, kExactGelu };

struct PartOptions {
  at::Device device = at::kCPU;
  /// Of an image encoder: float32 copies, which may be trained, not views of the mapped file.
  bool trained = false;
  /// Of a ViT: pictures of this many pixels a side; its positions are resized once. 0: the
  /// directory's.
  int64_t image_size = 0;
  Finiteness finiteness = Finiteness::kChecked;
  T5Activation t5_activation = T5Activation::kAsConfigured;  ///< `text_json` says which it is
};

/// Opens `path`: a directory of an image encoder or of a whole model (config.json says which), a
/// directory that holds one `.pth` file, or a `.pth` file: the published EfficientNet-Lite0.
/// Frozen, memory-mapped; a ViT keeps the dtype of its file, unless it is to be trained. Throws
/// kNotFound, kCorruptData or kUnsupported.
ImageEncoderPart open_image_encoder(const std::filesystem::path& path,
                                    const PartOptions& options = {});

struct LanguageModelPart {
  std::unique_ptr<LanguageModel> model;
  std::unique_ptr<Tokenizer> tokenizer;
  std::string text_json;               ///< its configuration
  std::string generation_json = "{}";  ///< its generation_config.json
  int64_t width = 0;                   ///< Dl
  int64_t max_positions = 0;           ///< tokens
  int64_t vocab_size = 0;              ///< rows of its token embeddings
};

/// Opens `path`: a directory of a language model or of a whole generative model, a directory that
/// holds one `.gguf` file, or a `.gguf` file. Frozen; memory-mapped in the dtype of the file, but
/// GGUF is dequantised to float32. Throws as above.
LanguageModelPart open_language_model(const std::filesystem::path& path,
                                      const PartOptions& options = {});

struct BertOptions {
  bool fold_token_types =
      true;             ///< add token type 0 to the position embeddings, where the BERT has it
  int64_t cls_id = -1;  ///< what [DEC] starts from
  int64_t dec_id = -1;  ///< a row that the BERT need not have
};

/// Fills the text side of an initialised Stage1 from a BERT directory: embeddings, layers, and the
/// head where the checkpoint has one; then the queries' feed-forward becomes a copy of the text's.
/// The model may have more words than the BERT: [DEC] starts from [CLS]'s row plus N(0, 0.02) from
/// `random`, other new rows stay as they are, new biases are 0. Strict: whatever else the
/// checkpoint holds must be known to be of no use here.
void load_bert_into(Stage1& model, const std::filesystem::path& directory,
                    const BertOptions& options, Random& random);

/// Moves tensors that do not lie there yet.
void move_to(const std::vector<NamedTensor>& tensors, at::Device device);

/// `path` itself if it is a file that ends in `extension`, else the only such file in the directory
/// `path`, else "". Throws kInvalidArgument where a directory has several.
std::filesystem::path only_file(const std::filesystem::path& path, const std::string& extension);

/// Refuses a configuration that claims more parameters than the weights hold, before memory is
/// taken for it.
void refuse_excess(double claimed_parameters, const TensorSource& source);

/// Patterns of the tensors of a whole model's directory that are not the encoder's, the language
/// model's, or the trained part's.
const std::vector<std::string>& tensors_beside_vision();
const std::vector<std::string>& tensors_beside_language();
const std::vector<std::string>& tensors_beside_trained();

}  // namespace blip2
