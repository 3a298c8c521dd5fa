// What training starts from: frozen parts and a Q-Former out of a BERT, another model, or nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "blip2/models/bundle.h"

namespace blip2 {

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
Bundle assemble_stage2(const AssembleOptions& options);

}  // namespace blip2
