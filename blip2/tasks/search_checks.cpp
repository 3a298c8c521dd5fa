// Checks queries and the model of a search, with warnings for what is allowed and doubtful.
#include "blip2/tasks/search_checks.h"

#include <fmt/format.h>

#include "blip2/base/error.h"
#include "blip2/base/log.h"
#include "blip2/image/picture_name.h"
#include "blip2/tasks/picture_files.h"

namespace blip2 {

void check_queries(const std::vector<std::string>& queries, int64_t rerank) {
  for (const std::string& query : queries) {
    if (names_picture(query)) {
      if (rerank == 0) continue;
      fail(ErrorCode::kInvalidArgument, "--rerank: {} is a picture, and ITM matches texts", query);
    }
    std::error_code ignored;  // a long text is no valid path
    const bool is_folder = std::filesystem::is_directory(query, ignored);
    if (is_folder || is_picture_name(query)) {
      log_warning("{}: {}: it is searched as a text", query,
                  is_folder ? "expected a picture, found a folder" : "no such picture");
    }
  }
}

void check_index_model(const Index& index, const std::filesystem::path& index_directory,
                       const std::filesystem::path& model, ModelChoice choice) {
  if (index.is_made_by(model)) return;
  if (choice == ModelChoice::kIndex) {
    fail(ErrorCode::kCorruptData,
         "{}: the model has changed since {} was built: build the index again, or give --model",
         model.string(), index_directory.string());
  }
  log_warning("{} is not the model that made {}: scores may mean nothing", model.string(),
              index_directory.string());
}

}  // namespace blip2
