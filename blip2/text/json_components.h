// The components of tokenizer.json that several kinds of tokenizers share. For .cpp files of this
// room.
#pragma once

#include <string>
#include <vector>

#include "blip2/text/json_fields.h"
#include "blip2/text/text_normalizer.h"
#include "blip2/text/tokenizer_frame.h"

namespace blip2 {

/// Throws kUnsupported for `what`, naming the place.
[[noreturn]] void unsupported(const JsonPlace& place, const std::string& what);
/// Throws kUnsupported for the type of a component.
[[noreturn]] void refuse_type(const JsonPlace& place);

/// The type of a component. Throws kCorruptData where it has none.
std::string type_of(const JsonPlace& place);

/// The type of a model. The oldest files name none: what a model holds tells them apart.
std::string type_of_model(const JsonPlace& model);

/// The parts of the component `key`: the members of a Sequence's list, or the component alone; null
/// has none.
std::vector<JsonPlace> component_list(const JsonPlace& file, const char* key, const char* list);

/// The normalizers but for BERT's own.
NormalizerSteps read_normalizer(const JsonPlace& file);

/// Puts the template's tokens into `frame`.
void read_post_processor(const JsonPlace& file, TokenizerFrameParts& frame);

/// The merges of a BPE, "left right"; files hold that or pairs.
std::vector<std::string> read_merges(const JsonPlace& model);

}  // namespace blip2
