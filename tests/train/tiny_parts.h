// Directories of tiny parts that training starts from, of a few thousand random weights each, and a
// data set in COCO's layout: whole runs in a second.
#pragma once

#include <filesystem>

#include "blip2/image/image.h"

namespace blip2::testing {

/// A vision transformer of 2 layers, 16 wide, for pictures of 224 pixels in patches of 28.
std::filesystem::path write_tiny_vit(const std::filesystem::path& directory);
/// The same with a layout of CLIP's.
std::filesystem::path write_tiny_clip_vit(const std::filesystem::path& directory);

/// A BERT of 2 layers, 12 wide, with the tokenizer of tests/golden/text/lowered_wordpiece.
std::filesystem::path write_tiny_bert(const std::filesystem::path& directory);

/// An OPT of 2 layers, 16 wide, with the tokenizer of tests/golden/text/opt_like.
std::filesystem::path write_tiny_opt(const std::filesystem::path& directory);

/// `directory`/annotations.json and `directory`/images with `num_pictures` pictures of noise, each
/// with two records of one image_id and an own caption.
void write_coco(const std::filesystem::path& directory, int num_pictures);

/// The same of questions, one for each picture, with three answers each: questions.json.
void write_questions(const std::filesystem::path& directory, int num_pictures);

}  // namespace blip2::testing
