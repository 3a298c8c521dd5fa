// Whole models of a few thousand parameters, in memory and as directories. All dimensions of a
// model are distinct and no weight is 0 or 1, so that a forgotten term or a swapped axis shows.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "blip2/models/bundle.h"
#include "tests/support/temporary_folder.h"

namespace blip2::testing {

/// A stage-1 model with an EfficientNet and a WordPiece tokenizer of ten words. `scratch` gets the
/// tokenizer's source files.
Bundle tiny_retrieval(const std::filesystem::path& scratch);

/// A stage-2 model with the same EfficientNet, a LLaMA and a byte-level BPE.
Bundle tiny_stage2(const std::filesystem::path& scratch);

/// tiny_stage2() with a Q-Former that reads the instruction in tiny_retrieval()'s ten words.
Bundle tiny_instruct(const std::filesystem::path& scratch);

/// A picture for that EfficientNet, [1, 3, 16, 16].
at::Tensor tiny_pixels();

/// Writes the directory of a BLIP that writes captions in the ten words.
void write_tiny_blip(const std::filesystem::path& directory);

/// Writes the directory of a CLIP with the byte-level BPE.
void write_tiny_clip(const std::filesystem::path& directory);

/// Writes the directory of one of these: "Retrieval", "Generation", "Instruct", "Blip" or "Clip".
void write_tiny_directory(const std::string& kind, const std::filesystem::path& scratch,
                          const std::filesystem::path& directory);

/// The sizes of a stage 1 without tokenizer or encoder: 4 queries, 40 tokens, images of width 9,
/// initial weights so large that every term changes the losses.
Stage1Config tiny_stage1_config();

// The models below see a picture by the averages of its pixels and share a tokenizer of twelve
// words. Their features differ clearly between pictures, which searches and scores need. They
// cannot be saved, except the CLIP.

/// Averages of the pixels: [B, 3, H, W] -> 9 image tokens [B, 9, 3].
class AveragingEncoder : public ImageEncoder {
 public:
  at::Tensor encode(const at::Tensor& pixels) const override;
  int64_t width() const override { return 3; }
  std::vector<NamedTensor> tensors() override { return {}; }
};

/// A stage-1 model. `folder` gets the tokenizer's vocabulary, here and below.
Bundle tiny_stage1(const TemporaryFolder& folder);

Bundle tiny_blip_captioner(const TemporaryFolder& folder);
Bundle tiny_blip_matcher(const TemporaryFolder& folder);
Bundle tiny_blip_answerer(const TemporaryFolder& folder);

/// A CLIP with an image encoder of its own.
Bundle tiny_clip(const TemporaryFolder& folder);

}  // namespace blip2::testing
