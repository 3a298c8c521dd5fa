// The components of tokenizer.json, read by type and fields; what is not known is refused by name.
// For .cpp files of this room.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/base/json_fields.h"
#include "blip2/text/merge_list.h"
#include "blip2/text/pre_tokenizer.h"
#include "blip2/text/text_decoder.h"
#include "blip2/text/text_normalizer.h"
#include "blip2/text/tokenizer_frame.h"

namespace blip2 {

/// Throws kUnsupported for `what`, naming the place.
[[noreturn]] void unsupported(const JsonFields& place, const std::string& what);
/// Throws kUnsupported for the type of a component.
[[noreturn]] void refuse_type(const JsonFields& place);
/// Throws kUnsupported for a key other than these and "type", unless it is null: it might change
/// ids.
void allow_only(const JsonFields& place, std::initializer_list<std::string_view> keys);

/// The type of a component. Throws kCorruptData where it has none.
std::string type_of(const JsonFields& place);
/// Whether a JSON value is a component of a type.
bool is_component(const nlohmann::json& value, const char* type);
/// A field of one character. Throws kCorruptData.
std::string character_of(const JsonFields& place, const char* key, const std::string& fallback);

/// The parts of a component: the members of a Sequence's `list`, in any depth, or the component
/// itself.
std::vector<JsonFields> component_list(const JsonFields& component, const char* list);

/// {"String": ...} or {"Regex": ...} under the key `pattern`. Throws kCorruptData, kUnsupported.
std::shared_ptr<const TextPattern> read_pattern(const JsonFields& component);

/// The fields that the pre-tokenizer and the decoder Metaspace share.
MetaspaceSplit read_metaspace(const JsonFields& place);

/// The steps of the components, which are given as JSON text; "" has none.
NormalizerSteps read_normalizer(const std::string& component, const std::string& source);
PreTokenizerSteps read_pre_tokenizer(const std::string& component, const std::string& source);
DecoderSteps read_decoder(const std::string& component, const std::string& source);

/// Puts the tokens of the template of `file` into `frame`.
void read_post_processor(const JsonFields& file, TokenizerFrameParts& frame);

}  // namespace blip2
