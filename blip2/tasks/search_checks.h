// What can be said of a search before it starts: queries that will not mean what they seem to, and
// a model that is not the index's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "blip2/tasks/index.h"

namespace blip2 {

/// Looks at queries before a model is loaded. Warns of a query that looks like a path and is
/// searched as a text. Throws kInvalidArgument for a picture with `rerank` > 0: ITM matches texts.
void check_queries(const std::vector<std::string>& queries, int64_t rerank);

/// Who named the model of a search.
enum class ModelChoice { kIndex, kUser };

/// Checks that `model` made the index. Throws kCorruptData where the index named it; where the user
/// did, it warns.
void check_index_model(const Index& index, const std::filesystem::path& index_directory,
                       const std::filesystem::path& model, ModelChoice choice);

}  // namespace blip2
