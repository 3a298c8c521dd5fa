// Pictures with their texts as HTML.
#include "blip2/report/gallery.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "blip2/report/markup.h"
#include "blip2/report/page.h"

namespace blip2 {
namespace {

std::string mark_of(const std::optional<bool>& right) {
  if (!right) return "";
  return *right
             ? "<span class=\"mark right\" role=\"img\" aria-label=\"right noun\">\u2713</span> "
             : "<span class=\"mark wrong\" role=\"img\" aria-label=\"wrong noun\">\u2717</span> ";
}

std::string place_of(const SearchResult& result) {
  if (!result.right_place) return "";
  const std::string text =
      *result.right_place == 1
          ? "found first"
          : fmt::format("the right one is number {}", format_count(*result.right_place));
  return fmt::format("<small>{}</small>", text);
}

}  // namespace

std::string caption_gallery(const std::vector<CaptionCard>& cards) {
  std::string html = "<div class=\"cards\">\n";
  for (const CaptionCard& card : cards) {
    html += fmt::format(
        "<div class=\"card\"><div class=\"picture\">{}</div><div class=\"words\">"
        "<p class=\"generated\">{}{}</p><p class=\"reference\">{}</p>",
        picture_markup(card.picture, card.reference), mark_of(card.noun_right),
        escape_markup(card.generated), escape_markup(card.reference));
    if (!card.remark.empty()) {
      html += fmt::format("<p class=\"remark\">{}</p>", escape_markup(card.remark));
    }
    html += "</div></div>\n";
  }
  return html + "</div>";
}

std::string search_gallery(const std::vector<SearchResult>& results) {
  std::string html = "<div class=\"searches\">\n";
  for (const SearchResult& result : results) {
    html += fmt::format(
        "<section class=\"search\"><h4>\u201C{}\u201D{}</h4><ol class=\"hits\" "
        "style=\"--hits:{}\">\n",
        escape_markup(result.query), place_of(result), result.hits.size());
    for (const SearchHit& hit : result.hits) {
      html += fmt::format(
          "<li{}><div class=\"picture\">{}</div><span class=\"score\">{}{}</span></li>\n",
          hit.right ? " class=\"hit\"" : "", picture_markup(hit.picture, hit.description),
          hit.right ? "<span role=\"img\" aria-label=\"the right one\">\u2713</span> " : "",
          format_number(hit.score, 2));
    }
    html += "</ol></section>\n";
  }
  return html + "</div>";
}

std::string attention_gallery(const std::vector<AttentionRow>& rows) {
  std::string html;
  for (const AttentionRow& row : rows) {
    html += "<div class=\"attention\"><ol>\n";
    for (const AttentionPanel& panel : row.panels) {
      html += fmt::format("<li>{}{}</li>\n", picture_markup(panel.picture, panel.label),
                          escape_markup(panel.label));
    }
    html += "</ol></div>\n";
  }
  return html;
}

std::string candidate_gallery(const std::vector<CandidateCard>& cards) {
  std::string html = "<div class=\"candidates\">\n";
  for (const CandidateCard& card : cards) {
    html += fmt::format("<div class=\"candidate\"><div class=\"picture\">{}</div><ol>\n",
                        picture_markup(card.picture, card.description));
    for (const CandidateCard::Row& row : card.rows) {
      html += fmt::format(
          "<li{}><span class=\"score\">{}</span> <span class=\"source\">{}</span> {}{}",
          row.kept ? " class=\"kept\"" : "", format_number(row.score, 3), escape_markup(row.source),
          escape_markup(row.text), row.kept ? " \u2713" : "");
      if (!row.remark.empty()) {
        html += fmt::format(" <small class=\"remark\">{}</small>", escape_markup(row.remark));
      }
      html += "</li>\n";
    }
    html += "</ol></div>\n";
  }
  return html + "</div>";
}

}  // namespace blip2
