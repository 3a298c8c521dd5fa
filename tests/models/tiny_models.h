// Whole models of a few thousand parameters, all dimensions distinct.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>

#include "blip2/models/bundle.h"
#include "tests/models/support.h"

namespace blip2::testing {

/// A stage-1 model with a WordPiece tokenizer of ten words. `scratch` gets the tokenizer's source
/// files.
Bundle tiny_retrieval(const std::filesystem::path& scratch);

/// A stage-2 model with a LLaMA and a byte-level BPE.
Bundle tiny_generative(const std::filesystem::path& scratch);

/// The same, whose Q-Former reads the instruction by tiny_retrieval()'s ten words.
Bundle tiny_instruct(const std::filesystem::path& scratch);

/// A picture for the tiny encoder. [1, 3, 16, 16]
at::Tensor tiny_pixels();

/// A directory of a BERT of nine words with distinct weights: names with `bert.` where `prefixed`,
/// with a head too.
void write_tiny_bert(const std::filesystem::path& directory, bool prefixed);

/// Directories of a BLIP that captions, with the ten words, and of a CLIP with the byte-level BPE.
void write_tiny_blip(const std::filesystem::path& directory);
void write_tiny_clip(const std::filesystem::path& directory);

/// One of these by name, as a directory: "Retrieval", "Generation", "Instruct", "Blip" or "Clip".
void write_tiny_directory(const std::string& kind, const std::filesystem::path& scratch,
                          const std::filesystem::path& directory);

}  // namespace blip2::testing
