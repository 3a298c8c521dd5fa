// The rows of each task's results, which verbs print and a server sends (docs/cli.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "blip2/tasks/answerer.h"
#include "blip2/tasks/captioner.h"
#include "blip2/tasks/classifier.h"
#include "blip2/tasks/matcher.h"
#include "blip2/tasks/pictures.h"
#include "blip2/tasks/question_file.h"
#include "blip2/tasks/retriever.h"
#include "blip2/tasks/row.h"

namespace blip2 {

/// {"image", "captions", "scores", "tokens"}; as text a line for each caption.
Row caption_row(const std::string& image, const std::vector<Caption>& captions);

/// {"image", "question", "question_id"?, "answer", "score"}.
Row answer_row(const std::string& image, const AskedQuestion& asked, const Answer& answer);

/// {"image", "question", "question_id"?, "line"?, "error"} of a question that failed: a model
/// refused it, or its picture cannot be read.
Row refused_question_row(const std::string& image, const AskedQuestion& asked,
                         const std::string& reason);

/// {"image"?, "question"?, "question_id"?, "line"?, "error"} of what is not a question, with what
/// could be read of it.
Row bad_line_row(const BadLine& bad);

/// {"image", "text", "itm", "itm_logits", "itc"}; the two of ITM are null where the model has no
/// matching head.
Row match_row(const std::string& image, const std::string& text, const Match& match);

/// {"image", "label", "probability", "labels": {label: probability}}.
Row classification_row(const std::string& image, const std::vector<std::string>& labels,
                       const Classification& found);

/// {"image", "row", "text"?}: which input a row of a tensor file is. `image` may be empty: null.
Row feature_row(const std::string& image, const std::string* text, int64_t row);

/// {"query", "rank", "image", "score"}; `rank` from 1.
Row found_row(const std::string& query, int64_t rank, const FoundImage& found);

/// {"query", "image", "error"} of a candidate that cannot be re-ranked.
Row lost_candidate_row(const std::string& query, const std::string& image,
                       const std::string& reason);

/// {"text", "ids", "pieces"}.
Row token_row(const std::string& text, const std::vector<int64_t>& ids,
              const std::vector<std::string>& pieces);

/// The rows of each picture of a batch, failures among them.
using BatchRows = std::vector<std::vector<Row>>;

/// The rows of a batch's pictures and of its failures, in the order of the inputs. `of_pictures`: a
/// list for each of batch.pictures.
std::vector<Row> rows_in_order(const PictureBatch& batch, const BatchRows& of_pictures);

}  // namespace blip2
