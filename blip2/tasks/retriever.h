// Exact search in an index: pictures for a text, or pictures like a picture.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "blip2/tasks/failed_input.h"
#include "blip2/tasks/index.h"

namespace blip2 {

struct FoundImage {
  int64_t row = 0;    ///< of the index
  std::string image;  ///< its path, as the index has it
  double score = 0;
};

struct RetrieverOptions {
  int64_t top = 10;             ///< results of a query
  int64_t rerank = 0;           ///< candidates that ITM re-ranks, at least `top` of them; 0 = none
  int64_t max_text_length = 0;  ///< tokens of a text query; 0 = the model's own limit
  DecodeOptions decode = {};
};

/// The bundle must outlive it. Methods may be called by several threads.
class Retriever {
 public:
  /// Throws kUnsupported for a model without ITC; kInvalidArgument for one whose features do not
  /// have the index's shape, or for options out of range.
  Retriever(const Bundle& bundle, Index index, const RetrieverOptions& options);

  /// The best pictures, best first; equal scores in the order of the index.
  ///
  /// A text's score is the cosine of the picture's best query (BLIP-2 section 3.2). A query that is
  /// the path of an existing file is a picture: its score is the mean over its queries of the
  /// cosine with the found picture's best query. Re-ranking re-reads the candidates' pictures and
  /// scores ITM logit + cosine; it is for texts alone (kInvalidArgument). Throws for a query that
  /// cannot be read. A candidate that cannot be read any more is left out, and `failed` is told its
  /// name.
  std::vector<FoundImage> search(const std::string& query, const FailedInput& failed = {}) const;

 private:
  std::vector<FoundImage> rerank(const std::string& query, std::vector<FoundImage> found,
                                 const FailedInput& failed) const;

  const Bundle& bundle_;
  Index index_;
  RetrieverOptions options_;
};

}  // namespace blip2
