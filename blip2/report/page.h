// One self-contained HTML page: everything in it is text, SVG or a data: URI, nothing is loaded and
// no script runs. It lays out what it is given; it computes nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace blip2 {

/// A number with what it means, shown large: {"55.4 %", "R@1 image to text", "chance 0.8 %"}.
struct Fact {
  std::string value;
  std::string label;
  std::string note = {};  ///< may be empty
};

/// The first column names the rows. A column whose cells all look like numbers is set to the right.
struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  ///< each as long as the header
  std::string caption = {};                    ///< may be empty
  std::vector<size_t> quiet_rows = {};         ///< set back, for comparison: chance, a baseline
};

/// Something drawn, with the words under it.
struct Figure {
  std::string
      markup;  ///< ready HTML or SVG, not escaped again: from curves, gallery, picture_markup
  std::string caption = {};  ///< plain text, may be empty
};

/// A page, written from top to bottom. All texts are plain and are escaped here.
class Page {
 public:
  /// `lead` is the paragraph under the title: what this is, in two or three sentences.
  Page(std::string_view title, std::string_view lead);

  /// The browser loads the page again after so many seconds: for a page that is still written.
  void reload_every(int seconds) { reload_s_ = seconds; }
  /// A heading with an entry in the contents.
  void section(std::string_view title);
  void subsection(std::string_view title);
  void paragraph(std::string_view text);
  void facts(const std::vector<Fact>& facts);
  /// Throws kInvalidArgument for a row that is not as long as the header.
  void table(const Table& table);
  void figure(const Figure& figure);
  /// Figures beside each other where the window is wide enough.
  void figures(const std::vector<Figure>& figures);
  /// Lines to type or to read in fixed width.
  void code(std::string_view lines);
  /// The small print at the very end: when, where, by which version.
  void footer(std::string_view text);

  /// The whole page, UTF-8, also well-formed as XML after its first line.
  std::string html() const;

 private:
  std::string title_;
  std::string lead_;
  std::vector<std::string> sections_;
  std::string body_;
  std::string footer_;
  int reload_s_ = 0;  // 0: never
};

/// An <img> of an encoded picture (PNG bytes and such). `alternative` says in words what it shows.
std::string picture_markup(std::string_view encoded, std::string_view alternative);

}  // namespace blip2
