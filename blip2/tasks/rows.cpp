// Builds the rows of each task, as JSON and as columns of text.
#include "blip2/tasks/rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/json_text.h"

namespace blip2 {
namespace {
using OrderedJson = nlohmann::ordered_json;

OrderedJson start_of_answer(const std::string& image, const AskedQuestion& asked) {
  OrderedJson json = {{"image", image}, {"question", asked.question}};
  if (!asked.question_id.empty()) json["question_id"] = OrderedJson::parse(asked.question_id);
  return json;
}

Row failed_line(OrderedJson json, size_t line, const std::string& reason) {
  if (line > 0) json["line"] = line;
  json["error"] = reason;
  return {.json = json_on_one_line(json), .error = reason};
}

}  // namespace

Row caption_row(const std::string& image, const std::vector<Caption>& captions) {
  OrderedJson texts = OrderedJson::array(), scores = OrderedJson::array(),
              tokens = OrderedJson::array();
  Row row;
  for (const Caption& caption : captions) {
    texts.push_back(caption.text);
    scores.push_back(caption.score);
    tokens.push_back(caption.tokens);
    row.text += (row.text.empty() ? "" : "\n") + columns({image, caption.text});
  }
  const OrderedJson json = {
      {"image", image}, {"captions", texts}, {"scores", scores}, {"tokens", tokens}};
  row.json = json_on_one_line(json);
  return row;
}

Row answer_row(const std::string& image, const AskedQuestion& asked, const Answer& answer) {
  OrderedJson json = start_of_answer(image, asked);
  json["answer"] = answer.text;
  json["score"] = answer.score;
  return {json_on_one_line(json), columns({image, asked.question, answer.text})};
}

Row refused_question_row(const std::string& image, const AskedQuestion& asked,
                         const std::string& reason) {
  const std::string where = asked.where.empty() ? "" : asked.where + ": ";
  return failed_line(start_of_answer(image, asked), asked.line, where + reason);
}

Row bad_line_row(const BadLine& bad) {
  OrderedJson json = OrderedJson::object();
  if (!bad.image.empty()) json["image"] = bad.image;
  if (!bad.asked.question.empty()) json["question"] = bad.asked.question;
  if (!bad.asked.question_id.empty()) {
    json["question_id"] = OrderedJson::parse(bad.asked.question_id);
  }
  return failed_line(std::move(json), bad.asked.line, bad.reason);
}

Row match_row(const std::string& image, const std::string& text, const Match& match) {
  OrderedJson json = {{"image", image}, {"text", text}, {"itm", nullptr}, {"itm_logits", nullptr}};
  std::vector<std::string> cells = {image, text};
  if (match.itm) {
    json["itm"] = match.itm->probability;
    json["itm_logits"] = match.itm->logits;
    cells.push_back(fmt::format("itm {:.4f}", match.itm->probability));
  }
  json["itc"] = match.itc;
  cells.push_back(fmt::format("itc {:.4f}", match.itc));
  return {json_on_one_line(json), columns(cells)};
}

Row classification_row(const std::string& image, const std::vector<std::string>& labels,
                       const Classification& found) {
  OrderedJson all = OrderedJson::object();
  for (size_t i = 0; i < labels.size(); ++i) all[labels[i]] = found.probabilities.at(i);
  const std::string& label = labels.at(found.best);
  const double probability = found.probabilities.at(found.best);
  const OrderedJson json = {
      {"image", image}, {"label", label}, {"probability", probability}, {"labels", all}};
  return {json_on_one_line(json), columns({image, label, fmt::format("{:.4f}", probability)})};
}

Row feature_row(const std::string& image, const std::string* text, int64_t row) {
  OrderedJson json = {{"image", image.empty() ? OrderedJson() : OrderedJson(image)}, {"row", row}};
  std::vector<std::string> cells = {std::to_string(row), image};
  if (text != nullptr) {
    json["text"] = *text;
    cells.push_back(*text);
  }
  return {json_on_one_line(json), columns(cells)};
}

Row found_row(const std::string& query, int64_t rank, const FoundImage& found) {
  const OrderedJson json = {
      {"query", query}, {"rank", rank}, {"image", found.image}, {"score", found.score}};
  return {json_on_one_line(json),
          columns({query, std::to_string(rank), fmt::format("{:.4f}", found.score), found.image})};
}

Row lost_candidate_row(const std::string& query, const std::string& image,
                       const std::string& reason) {
  Row row = failure_row("image", image, reason);
  row.json = json_on_one_line(OrderedJson{{"query", query}, {"image", image}, {"error", reason}});
  return row;
}

Row token_row(const std::string& text, const std::vector<int64_t>& ids,
              const std::vector<std::string>& pieces) {
  const OrderedJson json = {{"text", text}, {"ids", ids}, {"pieces", pieces}};
  return {json_on_one_line(json), columns({text, fmt::format("{}", fmt::join(ids, " ")),
                                           fmt::format("{}", fmt::join(pieces, " "))})};
}

std::vector<Row> rows_in_order(const PictureBatch& batch, const BatchRows& of_pictures) {
  BLIP2_CHECK(of_pictures.size() == batch.pictures.size());
  std::vector<Row> rows;
  size_t picture = 0;
  const auto add_pictures_before = [&](size_t input) {
    for (; picture < batch.pictures.size() && batch.pictures[picture].input < input; ++picture) {
      rows.insert(rows.end(), of_pictures[picture].begin(), of_pictures[picture].end());
    }
  };
  for (const PictureFailure& failed : batch.failures) {
    add_pictures_before(failed.input);
    rows.push_back(failure_row("image", failed.path, failed.reason));
  }
  add_pictures_before(static_cast<size_t>(-1));
  return rows;
}

}  // namespace blip2
