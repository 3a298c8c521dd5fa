// What a user's path to a model turns out to be: a directory, a cache of the Hugging Face Hub, or
// something that is not a model, which is then said by name.
#pragma once

#include <filesystem>

#include "blip2/checkpoint/source.h"
#include "blip2/models/configs/directory_kind.h"

namespace blip2 {

/// The path itself, or, of the top folder of a Hub cache (models--X--Y), its newest snapshot: that
/// of refs/main, else the one that was written last. Throws kNotFound for a relative path that is
/// not there and could be a name on the Hub, and kUnsupported for a directory that holds something
/// else than a model: a PEFT adapter, a diffusers pipeline, weights of another program.
std::filesystem::path model_directory(const std::filesystem::path& path);

/// Throw kUnsupported for a checkpoint that bitsandbytes, GPTQ, AWQ or another program has quantised:
/// by the `quantization_config` of a model or of a part, and by the names of its tensors.
void refuse_quantised(const ConfigFields& config);
void refuse_quantised(const TensorSource& weights);

}  // namespace blip2
