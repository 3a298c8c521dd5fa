// Checking a tokenizer's ids against a model's table of words.
#include "blip2/models/directory/token_ids.h"

#include "blip2/base/error.h"
#include "blip2/base/quote.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

constexpr const char* kImageWord = "<image>";

/// The file of a directory that load_tokenizer() reads first.
fs::path tokenizer_file(const fs::path& path) {
  for (const char* name :
       {"tokenizer.json", "spiece.model", "tokenizer.model", "vocab.txt", "vocab.json"}) {
    if (fs::exists(path / name)) return path / name;
  }
  return path;
}

}  // namespace

std::unique_ptr<Tokenizer> load_model_tokenizer(const fs::path& directory,
                                                std::span<const std::string> extra_special_tokens) {
  static const std::vector<std::string> plain_words{kImageWord};
  return load_tokenizer(directory, extra_special_tokens, plain_words);
}

void check_token_ids(const fs::path& path, const Tokenizer& tokenizer, int64_t num_words) {
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  for (int64_t id = vocabulary.size() - 1; id >= num_words; --id) {
    if (!vocabulary.contains(id) || vocabulary.piece(id) == kImageWord) continue;
    fail(ErrorCode::kCorruptData,
         "{}: expected ids below {}, the rows of the model's table of words, found {} of {}",
         tokenizer_file(path).string(), num_words, id, quote(vocabulary.piece(id)));
  }
}

void check_needed_ids(const fs::path& path, const Tokenizer& tokenizer,
                      const std::vector<int64_t>& needed, int64_t num_words) {
  for (const int64_t id : needed) {
    if (id >= 0 && id < num_words) continue;
    fail(ErrorCode::kCorruptData,
         "{}: the tokenizer's special id {} is none of the {} words of the model ({} pieces)",
         path.string(), id, num_words, tokenizer.vocabulary_size());
  }
  check_token_ids(path, tokenizer, num_words);
}

}  // namespace blip2
