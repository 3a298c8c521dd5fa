// A chart of curves as one SVG.
#include "blip2/report/curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/utf8.h"
#include "blip2/report/axis.h"
#include "blip2/report/markup.h"
#include "blip2/report/polyline.h"

namespace blip2 {
namespace {

constexpr double kGlyphWidth = 6.3;  // of the 12-unit system font, on average
constexpr double kLegendRow = 20;
constexpr size_t kFewPoints = 30;

/// The style sheet's light colours, for a chart outside a page.
constexpr std::array<std::string_view, 6> kFallback = {"#0f7482", "#c4622d", "#6a5ab0",
                                                       "#a83e6b", "#64802b", "#5b6773"};

std::string series_colour(size_t index) {
  const size_t slot = index % kFallback.size();
  return fmt::format("var(--series-{}, {})", slot + 1, kFallback[slot]);
}

constexpr std::string_view kSoft = "var(--soft, #62666d)";
constexpr std::string_view kFaint = "var(--faint, #8d9198)";
constexpr std::string_view kGrid = "var(--grid, #ebe8e1)";
constexpr std::string_view kInk = "var(--ink, #1d1f23)";

double text_width(std::string_view text) {
  return kGlyphWidth * static_cast<double>(num_code_points(text));
}

std::string svg_text(double x, double y, std::string_view anchor, std::string_view colour,
                     std::string_view text) {
  return fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" style=\"fill:{}\">{}</text>\n", x, y,
      anchor, colour, escape_markup(text));
}

std::string svg_line(double x1, double y1, double x2, double y2, std::string_view style) {
  return fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" style=\"{}\"/>\n", x1, y1, x2,
      y2, style);
}

std::vector<double> smoothed_curve(const CurveChart& chart, const Curve& curve) {
  if (chart.smoothing <= 0 || curve.y.size() < kFewPoints) return {};
  return smoothed(curve.y, std::max(5, static_cast<int>(chart.smoothing *
                                                        static_cast<double>(curve.y.size()))));
}

/// Everything that is drawn, with the room around the plot.
class Drawing {
 public:
  explicit Drawing(const CurveChart& chart);
  std::string svg() const;

 private:
  bool fit_axes();
  std::string legend() const;
  std::string grid() const;
  std::string marks() const;
  std::string reference() const;
  std::string curve(size_t index) const;

  const CurveChart& chart_;
  std::vector<std::vector<double>> smooth_;
  std::vector<double> legend_places_;  // x, y of each entry
  Axis x_, y_;
  double left_ = 0, right_ = 0, top_ = 0, bottom_ = 0;
  bool has_data_ = false;
};

Drawing::Drawing(const CurveChart& chart) : chart_(chart) {
  for (const Curve& curve : chart.curves) {
    if (curve.x.size() != curve.y.size()) {
      fail(ErrorCode::kInvalidArgument,
           "report: curve \"{}\": expected as many y as x ({}), found {}", curve.label,
           curve.x.size(), curve.y.size());
    }
    smooth_.push_back(smoothed_curve(chart, curve));
  }
  has_data_ = fit_axes();

  // The legend flows like text under the title. One curve is what the title says.
  const bool has_legend = chart.curves.size() > 1;
  double x = 1;
  double y = (chart.title.empty() ? 12 : 42) - (has_legend ? 0 : kLegendRow);
  for (const Curve& curve : chart.curves) {
    if (!has_legend) break;
    const double width = 22 + text_width(curve.label) + 18;
    if (x > 1 && x + width - 18 > chart.width) {
      x = 1;
      y += kLegendRow;
    }
    legend_places_.insert(legend_places_.end(), {x, y});
    x += width;
  }
  const double marks_room = chart.marks.empty() ? 0 : 14;
  top_ = y + 14 + marks_room + (chart.y_label.empty() ? 0 : 18);
  bottom_ = chart.height - (chart.x_label.empty() ? 24 : 42);
  double label_width = 0;
  for (const std::string& label : y_.labels(y_.ticks(5))) {
    label_width = std::max(label_width, text_width(label));
  }
  left_ = label_width + 10;
  right_ = chart.width - 6;
  x_.begin = left_;
  x_.end = right_;
  y_.begin = bottom_;
  y_.end = top_;
}

bool Drawing::fit_axes() {
  AxisExtent x(chart_.x_scale);
  AxisExtent points(chart_.y_scale);
  AxisExtent inside(chart_.y_scale);  // must not be cut off, unlike a lone spike
  for (size_t c = 0; c < chart_.curves.size(); ++c) {
    const Curve& curve = chart_.curves[c];
    for (size_t i = 0; i < curve.x.size(); ++i) {
      if (!std::isfinite(curve.y[i])) continue;
      x.add(curve.x[i]);
      points.add(curve.y[i]);
    }
    for (const double value : smooth_[c]) inside.add(value);
  }
  if (x.empty() || points.empty()) return false;
  if (chart_.reference) inside.add(*chart_.reference);
  y_ = points.fit(0.004);
  inside.widen(y_);
  pad_axis(y_, chart_.y_from_zero);
  x_ = x.fit(0);
  if (x_.low == x_.high) pad_axis(x_, false);
  return true;
}

std::string Drawing::legend() const {
  std::string text;
  for (size_t c = 0; 2 * c < legend_places_.size(); ++c) {
    const double x = legend_places_[2 * c];
    const double y = legend_places_[2 * c + 1];
    text +=
        svg_line(x, y - 4, x + 15, y - 4,
                 fmt::format("stroke:{};stroke-width:3;stroke-linecap:round", series_colour(c)));
    text += svg_text(x + 22, y, "start", kInk, chart_.curves[c].label);
  }
  return text;
}

std::string Drawing::grid() const {
  std::string text;
  const std::vector<double> y_ticks = y_.ticks(5);
  const std::vector<std::string> y_labels = y_.labels(y_ticks);
  for (size_t i = 0; i < y_ticks.size(); ++i) {
    const double y = y_.place(y_ticks[i]);
    text += svg_line(left_, y, right_, y, fmt::format("stroke:{}", kGrid));
    text += svg_text(left_ - 8, y + 4, "end", kSoft, y_labels[i]);
  }
  text += svg_line(left_, bottom_, right_, bottom_, fmt::format("stroke:{}", kFaint));
  const std::vector<double> x_ticks = x_.ticks(7);
  const std::vector<std::string> x_labels = x_.labels(x_ticks);
  double free_from = -std::numeric_limits<double>::infinity();  // the last label ends before it
  for (size_t i = 0; i < x_ticks.size(); ++i) {
    const double x = x_.place(x_ticks[i]);
    text += svg_line(x, bottom_, x, bottom_ + 4, fmt::format("stroke:{}", kFaint));
    const double width = text_width(x_labels[i]);
    const bool at_edge = x + width / 2 > right_;
    const double begin = at_edge ? right_ - width : x - width / 2;
    if (begin < free_from) continue;  // it would touch the label before it
    free_from = begin + width + kGlyphWidth;
    text += svg_text(at_edge ? right_ : x, bottom_ + 18, at_edge ? "end" : "middle", kSoft,
                     x_labels[i]);
  }
  const double y_title = top_ - 10 - (chart_.marks.empty() ? 0 : 14);
  if (!chart_.y_label.empty()) text += svg_text(1, y_title, "start", kSoft, chart_.y_label);
  if (!chart_.x_label.empty()) {
    text += svg_text(right_, chart_.height - 4, "end", kSoft, chart_.x_label);
  }
  return text;
}

std::string Drawing::marks() const {
  std::string text;
  for (const ChartMark& mark : chart_.marks) {
    if (!(mark.x >= x_.low && mark.x <= x_.high)) continue;
    const double x = x_.place(mark.x);
    if (std::isnan(x)) continue;
    text += svg_line(x, top_ - 3, x, bottom_, fmt::format("stroke:{};stroke-dasharray:2 3", kSoft));
    // The words go to the side where there is more room.
    const bool to_the_left = x > (left_ + right_) / 2;
    text += svg_text(to_the_left ? x + 2 : x - 2, top_ - 8, to_the_left ? "end" : "start", kSoft,
                     mark.label);
  }
  return text;
}

std::string Drawing::reference() const {
  if (!chart_.reference) return "";
  const double y = y_.place(*chart_.reference);
  if (std::isnan(y)) return "";
  // Above the line, or below it where the plot's edge is near.
  const double text_y = y - 6 < top_ + 8 ? y + 15 : y - 6;
  return svg_line(left_, y, right_, y,
                  fmt::format("stroke:{};stroke-width:1.25;stroke-dasharray:6 4", kSoft)) +
         svg_text(right_ - 2, text_y, "end", kSoft, chart_.reference_label);
}

std::string Drawing::curve(size_t index) const {
  const Curve& curve = chart_.curves[index];
  const auto drawn = [&](const std::vector<double>& values) {
    Polyline points;
    for (size_t i = 0; i < values.size(); ++i) {
      points.push_back({x_.place(curve.x[i]), y_.place(values[i])});
    }
    return path_data(thinned(points));
  };
  const auto path = [&](const std::vector<double>& values, std::string_view style) {
    return fmt::format(
        "<path d=\"{}\" style=\"fill:none;stroke:{};stroke-linejoin:round;stroke-linecap:round;{}\""
        "/>\n",
        drawn(values), series_colour(index), style);
  };
  const bool has_smooth = !smooth_[index].empty();
  std::string text =
      path(curve.y, has_smooth ? "stroke-width:1;stroke-opacity:.28" : "stroke-width:2");
  if (has_smooth) return text + path(smooth_[index], "stroke-width:2.25");
  for (size_t i = 0; i < curve.y.size() && curve.y.size() < kFewPoints; ++i) {
    const double x = x_.place(curve.x[i]);
    const double y = y_.place(curve.y[i]);
    if (std::isnan(x) || std::isnan(y)) continue;
    text += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" style=\"fill:{}\"/>\n", x, y,
                        series_colour(index));
  }
  return text;
}

std::string Drawing::svg() const {
  const std::string name = escape_markup(chart_.title.empty() ? chart_.y_label : chart_.title);
  std::string text = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart{}\" viewBox=\"0 0 {} {}\" "
      "role=\"img\" aria-label=\"{}\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n",
      chart_.width > 700 ? " wide" : "", chart_.width, chart_.height, name);
  if (!chart_.title.empty()) {
    text += fmt::format(
        "<text x=\"1\" y=\"16\" style=\"fill:{};font-size:15px;font-weight:600\">{}</text>\n", kInk,
        escape_markup(chart_.title));
  }
  if (!has_data_) {
    text += svg_text(chart_.width / 2.0, chart_.height / 2.0, "middle", kFaint, "no data");
    return text + "</svg>";
  }
  text += legend() + grid() + reference();
  for (size_t c = 0; c < chart_.curves.size(); ++c) text += curve(c);
  return text + marks() + "</svg>";
}

}  // namespace

std::string curve_svg(const CurveChart& chart) { return Drawing(chart).svg(); }

}  // namespace blip2
