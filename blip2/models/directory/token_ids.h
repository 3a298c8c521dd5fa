// Whether the ids of a tokenizer are rows of the table of words that a model has for them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "blip2/text/tokenizer.h"

namespace blip2 {

/// Throws kCorruptData, naming the tokenizer's file, its largest id and that id's piece, where a
/// text can become an id that is no row of a table of `num_words`. "<image>" may be beyond the
/// table, as in the published retrieval models: it represents the picture and is never looked up.
/// `path` is the tokenizer's directory, or the file that it is in.
void check_token_ids(const std::filesystem::path& path, const Tokenizer& tokenizer,
                     int64_t num_words);

/// The same, and first for the ids that a model puts into a text by itself: each must be there.
void check_needed_ids(const std::filesystem::path& path, const Tokenizer& tokenizer,
                      const std::vector<int64_t>& needed, int64_t num_words);

}  // namespace blip2
