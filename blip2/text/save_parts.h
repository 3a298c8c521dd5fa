// What the writers of tokenizer directories share. For .cpp files of this room.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "blip2/text/text_normalizer.h"
#include "blip2/text/tokenizer_frame.h"

namespace blip2 {

/// tokenizer.json without what depends on the kind: the model and its surroundings.
nlohmann::json tokenizer_document(const TokenizerFrame& frame);

/// tokenizer_config.json: what was read, with the tokens as they are now. `tokenizer_class` where
/// none was read.
nlohmann::json config_document(const TokenizerFrame& frame, const char* tokenizer_class);

/// The model's own pieces, {"piece": id}.
nlohmann::json model_vocabulary(const TokenizerFrame& frame);

nlohmann::json normalizer_document(const NormalizerSteps& steps);

void write_json(const std::filesystem::path& path, const nlohmann::json& document);

}  // namespace blip2
