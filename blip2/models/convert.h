// Bringing single-file models into Hugging Face's directory layout.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>

namespace blip2 {

/// How the tensors of what is written are called.
enum class WeightNames { kHuggingFace, kLavis };

struct ConvertOptions {
  /// Of floating-point weights of a language model: kFloat, kBFloat16 or kHalf. An image encoder
  /// keeps its own.
  at::ScalarType dtype = at::kFloat;
  /// What LAVIS's files lack: configuration, tokenizer, frozen parts (lavis/convert.h).
  std::filesystem::path base = {};
  /// kLavis: `source` is a directory, `target` a safetensors file.
  WeightNames names = WeightNames::kHuggingFace;
};

/// `source`: a file of LAVIS or BLIP, the published EfficientNet-Lite0 (`.pth`), or a LLaMA in
/// GGUF; the file, or a directory that holds just one. `target` becomes a directory that
/// open_image_encoder() or open_language_model() opens; the LLaMA's is also read by Hugging Face's
/// AutoModelForCausalLM and AutoTokenizer. Whole or not at all; what was at `target` is replaced.
/// Throws kUnsupported for another kind of source.
void convert_to_directory(const std::filesystem::path& source, const std::filesystem::path& target,
                          const ConvertOptions& options = {});

}  // namespace blip2
