// LAVIS's and BLIP's own files into Hugging Face's directories, and the way back.
#pragma once

#include <filesystem>

#include "blip2/checkpoint/source.h"

namespace blip2 {

/// Whether the names of a source's tensors are LAVIS's or BLIP's.
bool is_lavis_file(const TensorSource& source);

/// `file` becomes the directory `target`. An image encoder alone (eva_vit_g.pth) needs no `base`.
/// Every other file takes from the directory `base`, a model of the class that it becomes: the
/// configuration (with head counts and epsilons, of which a file knows nothing), the tokenizer, the
/// image transform, and the parts that the file lacks because they were frozen. Whole or not at
/// all. Throws kInvalidArgument for a missing base or one of another class; kCorruptData, naming
/// tensors, where file and configuration disagree or a value is not finite.
void convert_from_lavis(const std::filesystem::path& file, const std::filesystem::path& base,
                        const std::filesystem::path& target);

/// The weights of `directory` under LAVIS's names, as one safetensors file: what convert_from_lavis
/// reads back, byte for byte. Throws kUnsupported for a model that LAVIS does not have.
void convert_to_lavis(const std::filesystem::path& directory, const std::filesystem::path& file);

}  // namespace blip2
