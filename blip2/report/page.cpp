// The page from its sections.
#include "blip2/report/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/report/markup.h"
#include "blip2/report/page_style.h"

namespace blip2 {
namespace {

/// "55.4 %", "1.2e-3", "14,208", "0.4 ± 0.1", "14 min 3 s", and the dash of a missing number.
bool looks_like_a_number(std::string_view cell) {
  if (cell.empty() || cell == "\u2013" || cell == "-") return true;
  for (const std::string_view sign : {"+", "-", "\u2212", "<", "\u2248"}) {
    if (cell.starts_with(sign)) cell.remove_prefix(sign.size());
  }
  while (cell.starts_with(' ')) cell.remove_prefix(1);
  return !cell.empty() && cell.front() >= '0' && cell.front() <= '9';
}

std::string number_class(const Table& table, size_t column) {
  const bool numbers = column > 0 && !table.rows.empty() &&
                       std::all_of(table.rows.begin(), table.rows.end(), [column](const auto& row) {
                         return looks_like_a_number(row[column]);
                       });
  return numbers ? " class=\"number\"" : "";
}

std::string figure_markup(const Figure& figure) {
  const std::string caption = figure.caption.empty() ? ""
                                                     : fmt::format("<figcaption>{}</figcaption>",
                                                                   escape_markup(figure.caption));
  return fmt::format("<figure>{}{}</figure>\n", figure.markup, caption);
}

}  // namespace

Page::Page(std::string_view title, std::string_view lead)
    : title_(escape_markup(title)), lead_(escape_markup(lead)) {}

void Page::section(std::string_view title) {
  sections_.push_back(escape_markup(title));
  body_ += fmt::format("<h2 id=\"s{}\">{}</h2>\n", sections_.size(), sections_.back());
}

void Page::subsection(std::string_view title) {
  body_ += fmt::format("<h3>{}</h3>\n", escape_markup(title));
}

void Page::paragraph(std::string_view text) {
  body_ += fmt::format("<p>{}</p>\n", escape_markup(text));
}

void Page::facts(const std::vector<Fact>& facts) {
  body_ += "<dl class=\"facts\">\n";
  for (const Fact& fact : facts) {
    const std::string note =
        fact.note.empty() ? ""
                          : fmt::format("<dd class=\"note\">{}</dd>", escape_markup(fact.note));
    constexpr size_t kFewLetters = 8;
    body_ += fmt::format("<div><dt>{}</dt><dd class=\"value{}\">{}</dd>{}</div>\n",
                         escape_markup(fact.label), fact.value.size() > kFewLetters ? " long" : "",
                         escape_markup(fact.value), note);
  }
  body_ += "</dl>\n";
}

void Page::table(const Table& table) {
  for (size_t r = 0; r < table.rows.size(); ++r) {
    if (table.rows[r].size() != table.header.size()) {
      fail(ErrorCode::kInvalidArgument, "report: table row {}: expected {} cells, found {}", r,
           table.header.size(), table.rows[r].size());
    }
  }
  std::vector<std::string> classes;
  for (size_t c = 0; c < table.header.size(); ++c) classes.push_back(number_class(table, c));

  std::string html = "<figure class=\"table\"><div class=\"scroll\"><table>\n<thead><tr>";
  for (size_t c = 0; c < table.header.size(); ++c) {
    html += fmt::format("<th scope=\"col\"{}>{}</th>", classes[c], escape_markup(table.header[c]));
  }
  html += "</tr></thead>\n<tbody>\n";
  for (size_t r = 0; r < table.rows.size(); ++r) {
    const bool quiet =
        std::find(table.quiet_rows.begin(), table.quiet_rows.end(), r) != table.quiet_rows.end();
    html += quiet ? "<tr class=\"quiet\">" : "<tr>";
    for (size_t c = 0; c < table.header.size(); ++c) {
      const std::string cell = escape_markup(table.rows[r][c]);
      html += c == 0 ? fmt::format("<th scope=\"row\">{}</th>", cell)
                     : fmt::format("<td{}>{}</td>", classes[c], cell);
    }
    html += "</tr>\n";
  }
  html += "</tbody>\n</table></div>";
  if (!table.caption.empty()) {
    html += fmt::format("<figcaption>{}</figcaption>", escape_markup(table.caption));
  }
  body_ += html + "</figure>\n";
}

void Page::figure(const Figure& figure) { body_ += figure_markup(figure); }

void Page::figures(const std::vector<Figure>& figures) {
  body_ += "<div class=\"figures\">\n";
  for (const Figure& figure : figures) body_ += figure_markup(figure);
  body_ += "</div>\n";
}

void Page::code(std::string_view lines) {
  body_ += fmt::format("<pre><code>{}</code></pre>\n", escape_markup(lines));
}

void Page::footer(std::string_view text) { footer_ = escape_markup(text); }

std::string Page::html() const {
  std::string contents;
  for (size_t i = 0; i < sections_.size(); ++i) {
    contents += fmt::format("<li><a href=\"#s{}\">{}</a></li>", i + 1, sections_[i]);
  }
  std::string page = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n";
  page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n";
  // The browser itself holds the page to its word: nothing is fetched, nothing is run.
  page +=
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; "
      "style-src &#39;unsafe-inline&#39;; img-src data:\"/>\n";
  page += "<meta name=\"color-scheme\" content=\"light dark\"/>\n";
  if (reload_s_ > 0)
    page += fmt::format("<meta http-equiv=\"refresh\" content=\"{}\"/>\n", reload_s_);
  page += fmt::format("<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n", title_,
                      page_style());
  page += fmt::format("<header><h1>{}</h1><p class=\"lead\">{}</p></header>\n", title_, lead_);
  if (sections_.size() > 1) {
    page += fmt::format("<nav aria-label=\"Contents\"><ol>{}</ol></nav>\n", contents);
  }
  page += fmt::format("<main>\n{}</main>\n", body_);
  if (!footer_.empty()) page += fmt::format("<footer><p>{}</p></footer>\n", footer_);
  return page + "</body>\n</html>\n";
}

std::string picture_markup(std::string_view encoded, std::string_view alternative) {
  return fmt::format("<img src=\"{}\" alt=\"{}\"/>", picture_uri(encoded),
                     escape_markup(alternative));
}

}  // namespace blip2
