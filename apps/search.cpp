// blip2 index build and blip2 search: exact search among many pictures.
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/output.h"
#include "apps/picture_options.h"
#include "apps/verb.h"
#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/interrupt.h"
#include "blip2/base/json_text.h"
#include "blip2/base/log.h"
#include "blip2/data/shards/shard.h"
#include "blip2/models/bundle.h"
#include "blip2/models/similarity.h"
#include "blip2/tasks/picture_files.h"
#include "blip2/tasks/retriever.h"
#include "blip2/tasks/search_report.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;

std::string dump(const Json& json) { return json_on_one_line(json); }

struct IndexBuild {
  std::string model, index;
  PictureArguments pictures;
  RowWriter rows;

  void add(Options& options) {
    pictures.add(options);
    options.require("--index DIR", index, "directory of the index; an older index is replaced");
    options.require("--model DIR", model, "directory of the model, recorded in the index");
    rows.add(options);
  }

  int run(const GeneralOptions& general) const {
    const std::vector<std::string> paths = pictures.paths();
    const OpenModel opened(model, general);
    const Bundle& bundle = opened.bundle;
    opened.expect(has_similarity(bundle),
                  "for image-text retrieval: a stage-1 BLIP-2, a BLIP, a CLIP");
    IndexBuilder builder(bundle, model, index);
    int64_t next_row = 0;
    const int status = for_each_batch(
        pictures, paths, bundle.transform, rows, general, [&](const std::vector<Picture>& batch) {
          builder.add(batch);
          BatchRows result;
          for (const Picture& picture : batch) {
            const int64_t row = next_row++;
            result.push_back({{dump({{"image", picture.path}, {"row", row}}),
                               columns({std::to_string(row), picture.path})}});
          }
          return result;
        });
    if (next_row > 0) {
      builder.finish();
    } else {
      log_warning("{}: no index is written: no picture could be read", index);
    }
    return status;
  }
};

struct Search {
  std::string index, model, report;
  std::vector<std::string> queries;
  std::optional<int64_t> max_text_length;
  int64_t top = RetrieverOptions{}.top;
  int64_t rerank = RetrieverOptions{}.rerank;
  PictureArguments decoding;
  RowWriter rows;

  void add(Options& options) {
    options.require("QUERY...", queries, "texts; the path of a picture finds pictures like it");
    options.require("--index DIR", index, "directory that `blip2 index build` made");
    options.add("--model DIR", model, "directory of the model [the one that the index records]");
    options.add("--top K", top, "results of a query", at_least(1));
    options.add("--rerank K", rerank,
                "candidates that ITM ranks again, by ITM logit + cosine; 0: none", at_least(0));
    options.add("--max-text-length N", max_text_length,
                "tokens of a text, the rest is cut [the model's limit]", at_least(2));
    options.add("--report FILE.html", report, "page with the pictures that were found");
    decoding.add_decoding(options);
    rows.add(options);
  }

  /// What can be said of the queries before anything is read.
  void check_queries() const {
    for (const std::string& query : queries) {
      if (names_picture(query)) {
        if (rerank == 0) continue;
        fail(ErrorCode::kInvalidArgument, "--rerank: {} is a picture, and ITM matches texts",
             query);
      }
      std::error_code ignored;  // a long text is no valid path
      const bool is_folder = std::filesystem::is_directory(query, ignored);
      if (is_folder || is_picture_name(query)) {
        log_warning("{}: {}: it is searched as a text", query,
                    is_folder ? "a folder, no picture" : "no such picture");
      }
    }
  }

  int run(const GeneralOptions& general) const {
    check_queries();
    if (!report.empty()) require_writable(report);
    const Index opened{std::filesystem::path(index)};
    const std::filesystem::path directory =
        model.empty() ? opened.model() : std::filesystem::path(model);
    const OpenModel loaded(directory, general);
    const Bundle& bundle = loaded.bundle;
    loaded.expect(has_similarity(bundle),
                  "for image-text retrieval: a stage-1 BLIP-2, a BLIP, a CLIP");
    check_model(opened, directory);
    const Retriever retriever(bundle, opened,
                              {top, rerank, max_text_length.value_or(0), decoding.decode()});
    std::vector<QueryResult> results;
    int status = 0;
    for (const std::string& query : queries) {
      try {
        results.push_back({query, retriever.search(query)});
      } catch (const Error& error) {
        if (error.code() == ErrorCode::kInterrupted || error.code() == ErrorCode::kInternal) throw;
        rows.write_failure(general, "query", query, error.what());
        status = 3;
        continue;
      }
      write(results.back());
      throw_if_interrupted();
    }
    if (!report.empty()) write_search_report(report, opened, results);
    return status;
  }

  void check_model(const Index& opened, const std::filesystem::path& directory) const {
    if (opened.is_made_by(directory)) return;
    if (model.empty()) {
      fail(ErrorCode::kCorruptData,
           "{}: the model has changed since {} was built: build the index again, or give --model",
           directory.string(), index);
    }
    log_warning("{} is not the model that made {}: scores may mean nothing", model, index);
  }

  void write(const QueryResult& result) const {
    int64_t rank = 0;
    for (const FoundImage& found : result.found) {
      ++rank;
      rows.write({dump({{"query", result.query},
                        {"rank", rank},
                        {"image", found.image},
                        {"score", found.score}}),
                  columns({result.query, std::to_string(rank), fmt::format("{:.4f}", found.score),
                           found.image})});
    }
  }
};

}  // namespace

Verb index_build_verb() {
  return make_verb<IndexBuild>("index build", "makes an index of pictures, to be searched");
}

Verb search_verb() {
  return make_verb<Search>("search", "finds pictures in an index, by texts or by pictures");
}

}  // namespace blip2
