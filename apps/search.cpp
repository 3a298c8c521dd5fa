// blip2 index build and blip2 search: builds an index of pictures, and searches it exactly.
#include <filesystem>
#include <optional>

#include "apps/open_model.h"
#include "apps/output.h"
#include "apps/picture_options.h"
#include "apps/verb.h"
#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/interrupt.h"
#include "blip2/base/log.h"
#include "blip2/models/similarity.h"
#include "blip2/tasks/retriever.h"
#include "blip2/tasks/rows.h"
#include "blip2/tasks/search_checks.h"
#include "blip2/tasks/search_report.h"

namespace blip2 {
namespace {

struct IndexBuild {
  std::string model, index;
  PictureArguments pictures;
  RowWriter rows;

  void add(Options& options) {
    pictures.add(options);
    options.require("--index DIR", index,
                    "directory of the index; an older index there is replaced");
    options.require("--model DIR", model, "directory of the model, recorded in the index");
    rows.add(options);
  }

  int run(const GeneralOptions& general) const {
    const std::vector<std::string> paths = pictures.paths();
    const OpenModel opened(model, general, pictures);
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
            result.push_back({feature_row(picture.path, nullptr, next_row++)});
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
    options.require("QUERY...", queries,
                    "texts to search for; the path of a picture finds similar pictures");
    options.require("--index DIR", index, "directory that blip2 index build wrote");
    options.add("--model DIR", model, "directory of the model [the one recorded in the index]");
    options.add("--top K", top, "number of results for each query", at_least(1));
    options.add("--rerank K", rerank,
                "results that ITM ranks again, by ITM logit + cosine; 0: none", at_least(0));
    options.add("--max-text-length N", max_text_length,
                "tokens of a text; longer ones are truncated [the model's limit]", at_least(2));
    options.add("--report FILE.html", report,
                "HTML page to write, with the pictures that were found");
    decoding.add_decoding(options);
    rows.add(options);
  }

  int run(const GeneralOptions& general) const {
    check_queries(queries, rerank);
    if (!report.empty()) require_writable(report);
    const Index opened{std::filesystem::path(index)};
    const std::filesystem::path directory =
        model.empty() ? opened.model() : std::filesystem::path(model);
    const OpenModel loaded(directory, general, decoding);
    const Bundle& bundle = loaded.bundle;
    loaded.expect(has_similarity(bundle),
                  "for image-text retrieval: a stage-1 BLIP-2, a BLIP, a CLIP");
    check_index_model(opened, index, directory,
                      model.empty() ? ModelChoice::kIndex : ModelChoice::kUser);
    const Retriever retriever(bundle, opened,
                              {top, rerank, max_text_length.value_or(0), decoding.decode()});
    std::vector<QueryResult> results;
    int status = 0;
    for (const std::string& query : queries) {
      try {
        results.push_back({query, retriever.search(query, [&](const std::string& image,
                                                              const std::string& reason) {
                             rows.write_failure(general, lost_candidate_row(query, image, reason));
                             status = 3;
                           })});
      } catch (const Error& error) {
        if (error.code() == ErrorCode::kInterrupted || error.code() == ErrorCode::kInternal) throw;
        rows.write_failure(general, "query", query, error.what());
        status = 3;
        continue;
      }
      write(results.back());
      throw_if_interrupted();
    }
    if (!report.empty()) write_search_report(report, opened, results, decoding.decode());
    return status;
  }

  void write(const QueryResult& result) const {
    int64_t rank = 0;
    for (const FoundImage& found : result.found) {
      ++rank;
      rows.write(found_row(result.query, rank, found));
    }
  }
};

}  // namespace

Verb index_build_verb() {
  return make_verb<IndexBuild>("index build", "builds an index of pictures for search");
}

Verb search_verb() {
  return make_verb<Search>("search", "finds pictures in an index by text or by picture");
}

}  // namespace blip2
