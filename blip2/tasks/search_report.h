// The page of a search: queries and the pictures that they found. It does not search.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "blip2/image/decode.h"
#include "blip2/tasks/retriever.h"

namespace blip2 {

/// What one query found, for a page.
struct QueryResult {
  std::string query;
  std::vector<FoundImage> found;
};

/// One self-contained HTML page of what was found, with the pictures. Throws kUnavailable if it
/// cannot be written.
void write_search_report(const std::filesystem::path& path, const Index& index,
                         const std::vector<QueryResult>& results,
                         const DecodeOptions& options = {});

}  // namespace blip2
