// A picture's captions in the output: the `.json` beside it in a shard, and its row of
// captions.json (docs/formats.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "blip2/data/record.h"
#include "blip2/tasks/capfilt.h"

namespace blip2 {

/// The captions that are kept, best first.
std::vector<std::string> kept_captions(const CapFiltResult& result);

/// The record's own JSON (`fields`, may be empty) with "caption", the list of kept ones,
/// "web_captions" as they came, and "candidates".
std::string sidecar_json(const std::string& fields, const std::vector<std::string>& web_captions,
                         const CapFiltResult& result);

/// {"image", "caption", "candidates"} on one line, without the newline; with "offset" and "size"
/// where the picture is in a shard.
std::string caption_row(const std::string& image, const std::optional<FileRange>& stored,
                        const CapFiltResult& result);

/// Reads "candidates" back from either. Throws kCorruptData, naming `where`.
CapFiltResult parse_candidates(const std::string& json, const std::string& where);

}  // namespace blip2
