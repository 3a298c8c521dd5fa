// The frozen parts that training starts from, each out of its own directory or file: an image
// encoder, a language model. Whole models are bundle.h's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "blip2/image/transforms.h"
#include "blip2/models/directory/layout.h"
#include "blip2/models/language/language_model_family.h"
#include "blip2/models/vision/image_encoder.h"
#include "blip2/text/tokenizer.h"

namespace blip2 {

struct ImageEncoderPart {
  std::unique_ptr<ImageEncoder> encoder;
  ImageTransform transform;
  std::string vision_json;  ///< its configuration
};

struct PartOptions {
  at::Device device = at::kCPU;
  /// Of an image encoder: float32 copies, which may be trained, not views of the mapped file.
  bool trained = false;
  /// Of a ViT: pictures of this many pixels a side; its positions are resized once. 0: the
  /// directory's.
  int64_t image_size = 0;
  T5Activation t5_activation = T5Activation::kAsConfigured;  ///< `text_json` says which it is
};

/// Opens `path`: a directory of an image encoder or of a whole model (config.json says which), a
/// directory that holds one `.pth` file, or a `.pth` file: the published EfficientNet-Lite0.
/// Frozen, memory-mapped; a ViT keeps the dtype of its file, unless it is to be trained. Every
/// weight is checked to be finite. Throws kNotFound, kCorruptData or kUnsupported.
ImageEncoderPart open_image_encoder(const std::filesystem::path& path,
                                    const PartOptions& options = {});

struct LanguageModelPart {
  std::unique_ptr<LanguageModel> model;
  std::unique_ptr<Tokenizer> tokenizer;
  LanguageModelShape shape;
  std::string text_json;               ///< its configuration
  std::string generation_json = "{}";  ///< its generation_config.json
};

/// Opens `path`: a directory of a language model or of a whole generative model, a directory that
/// holds one `.gguf` file, or a `.gguf` file. Frozen; memory-mapped in the dtype of the file, but
/// GGUF is dequantised to float32. Throws as above.
LanguageModelPart open_language_model(const std::filesystem::path& path,
                                      const PartOptions& options = {});

/// `path` itself if it is a file that ends in `extension`, else the only such file in the directory
/// `path`, else "". Throws kInvalidArgument where a directory has several.
std::filesystem::path only_file(const std::filesystem::path& path, const std::string& extension);

/// The only `.pth` or `.gguf` file that `path` is or holds. Throws kNotFound where there is none.
std::filesystem::path encoder_file(const std::filesystem::path& path);
std::filesystem::path language_model_file(const std::filesystem::path& path);

}  // namespace blip2
