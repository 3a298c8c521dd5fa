// Opens weights of any format.
#pragma once

#include <filesystem>
#include <memory>

#include "blip2/checkpoint/source.h"

namespace blip2 {

/// Opens a safetensors file, a torch.save file (zip or legacy), a GGUF file or the index of shards,
/// recognised by their first bytes, never by name; or a directory with, in this order,
/// model.safetensors, model.safetensors.index.json, pytorch_model.bin or
/// pytorch_model.bin.index.json, else one of those with a variant in its name
/// (model.fp16.safetensors, model.safetensors.index.fp16.json). In a torch.save file
/// {"model": {...}} and {"state_dict": {...}} are unwrapped (see TorchArchiveOptions).
/// Throws kNotFound, kCorruptData, kUnsupported, or kInvalidArgument where a directory has several
/// variants and nothing else.
std::unique_ptr<TensorSource> open_source(const std::filesystem::path& path);

}  // namespace blip2
