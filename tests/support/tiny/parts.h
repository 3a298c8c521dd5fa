// Directories of the parts that training starts from, of a few thousand weights each: a whole run
// takes a second.
#pragma once

#include <filesystem>

namespace blip2::testing {

/// A vision transformer of 2 layers, 16 wide, for pictures of 224 pixels in patches of 28.
std::filesystem::path write_tiny_vit(const std::filesystem::path& directory);
/// The same in CLIP's layout.
std::filesystem::path write_tiny_clip_vit(const std::filesystem::path& directory);

/// A BERT of 2 layers, 12 wide, with the tokenizer of tests/golden/text/lowered_wordpiece.
std::filesystem::path write_tiny_bert(const std::filesystem::path& directory);

/// How a checkpoint names a BERT's tensors: as BertModel does, or as BertForPreTraining, which puts
/// `bert.` before them and has a head.
enum class BertNames { kPlain, kPrefixed };

/// A BERT of 3 layers, 12 wide, with nine of tiny_retrieval()'s ten words, which has token types
/// and a pooler.
std::filesystem::path write_tiny_bert_of_nine_words(const std::filesystem::path& directory,
                                                    BertNames names);

/// An OPT of 2 layers, 16 wide, with the tokenizer of tests/golden/text/opt_like.
std::filesystem::path write_tiny_opt(const std::filesystem::path& directory);

}  // namespace blip2::testing
