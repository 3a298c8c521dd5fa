// The real tokenizers that tests use, and the golden cases. Not part of the library.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "blip2/text/byte_bpe.h"
#include "blip2/text/tokenizer.h"

namespace blip2 {

std::filesystem::path text_golden(const std::string& name);

/// all-MiniLM-L6-v2's WordPiece with [DEC] added.
std::unique_ptr<Tokenizer> load_minilm();

/// SmolLM2's tokenizer as its GGUF holds it.
ByteBpeParts smollm2_parts();

/// Encodes and decodes every case of a file that tools/text_oracle.py wrote, by the tokenizers that
/// the cases name, and adds a failure for each of the first 20 differences. Returns how many there
/// were.
size_t count_differences(const std::filesystem::path& cases,
                         const std::map<std::string, const Tokenizer*>& tokenizers);

}  // namespace blip2
