// The list of language model families, and the one way from a configuration to a family's shape.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "blip2/models/language/language_model_family.h"

namespace blip2 {

/// All families, in the order in which messages name them.
const std::vector<LanguageModelFamily>& language_model_families();

/// Whether a `model_type` is one of a language model.
bool is_language_model(std::string_view model_type);

/// Parses a `text_config`, or the config.json of a lone language model, by its `model_type`
/// (absent: OPT). `where` stands for the file in messages. Throws kUnsupported for an unknown type,
/// and kCorruptData.
LanguageModelShape parse_language_model(std::string_view json, const std::string& where);

}  // namespace blip2
