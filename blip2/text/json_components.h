// The components of tokenizer.json that several kinds of tokenizers share. For .cpp files of this
// room.
#pragma once

#include <string>
#include <vector>

#include "blip2/base/json_fields.h"
#include "blip2/text/text_normalizer.h"
#include "blip2/text/tokenizer_frame.h"

namespace blip2 {

/// Throws kUnsupported for `what`, naming the place.
[[noreturn]] void unsupported(const JsonFields& place, const std::string& what);
/// Throws kUnsupported for the type of a component.
[[noreturn]] void refuse_type(const JsonFields& place);

/// The type of a component. Throws kCorruptData where it has none.
std::string type_of(const JsonFields& place);

/// The type of a model. The oldest files name none: what a model holds tells them apart.
std::string type_of_model(const JsonFields& model);

/// The parts of the component `key`: the members of a Sequence's list, or the component itself;
/// null has none.
std::vector<JsonFields> component_list(const JsonFields& file, const char* key, const char* list);

/// The normalizers except BERT's own.
NormalizerSteps read_normalizer(const JsonFields& file);

/// Puts the template's tokens into `frame`.
void read_post_processor(const JsonFields& file, TokenizerFrameParts& frame);

/// The merges of a BPE, "left right"; files hold that or pairs.
std::vector<std::string> read_merges(const JsonFields& model);

}  // namespace blip2
