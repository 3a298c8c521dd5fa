// Whether the ids of a tokenizer are rows of the table of words that a model has for them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "blip2/text/tokenizer.h"

namespace blip2 {

/// Reads a model's tokenizer as load_tokenizer() does, but no text becomes "<image>": the word in a
/// caption, a question or a label is ordinary text, as LAVIS's tokenizers, which lack the token,
/// read it. Other special words ("[DEC]", "</s>") in a text become their ids, as they do there.
std::unique_ptr<Tokenizer> load_model_tokenizer(
    const std::filesystem::path& directory, std::span<const std::string> extra_special_tokens = {});

/// Throws kCorruptData, naming the tokenizer's file, its largest id and that id's piece, where a
/// text can become an id that is no row of a table of `num_words`. "<image>" may be beyond the
/// table, as in the published retrieval models: it represents the picture, and no text becomes it.
/// `path` is the tokenizer's directory, or the file that it is in.
void check_token_ids(const std::filesystem::path& path, const Tokenizer& tokenizer,
                     int64_t num_words);

/// The same, and first for the ids that a model puts into a text by itself: each must be there.
void check_needed_ids(const std::filesystem::path& path, const Tokenizer& tokenizer,
                      const std::vector<int64_t>& needed, int64_t num_words);

}  // namespace blip2
