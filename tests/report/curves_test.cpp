#include "blip2/report/curves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <regex>

#include "blip2/base/error.h"
#include "blip2/report/polyline.h"
#include "tests/report/xml_check.h"

namespace blip2 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Curve noisy_curve(size_t num_points) {
  std::mt19937 generator(1);
  std::normal_distribution<double> normal;
  Curve curve{"loss <1> & more", {}, {}};
  for (size_t i = 0; i < num_points; ++i) {
    curve.x.push_back(static_cast<double>(i));
    curve.y.push_back(i % 97 == 5 ? kNan
                                  : 5 * std::exp(-double(i) / 500) + 0.1 * normal(generator));
  }
  return curve;
}

TEST(Curves, AxisPlacesValuesBetweenItsEnds) {
  const Axis linear{AxisScale::kLinear, 10, 20, 100, 200};
  EXPECT_DOUBLE_EQ(linear.place(15), 150);
  EXPECT_DOUBLE_EQ(linear.place(25), 200);  // at the edge
  EXPECT_TRUE(std::isnan(linear.place(kNan)));
  const Axis logarithmic{AxisScale::kLogarithmic, 0.01, 100, 400, 0};
  EXPECT_NEAR(logarithmic.place(1), 200, 1e-9);
  EXPECT_NEAR(logarithmic.place(10), 100, 1e-9);
  EXPECT_TRUE(std::isnan(logarithmic.place(0)));
  EXPECT_TRUE(std::isnan(logarithmic.place(-1)));
}

TEST(Curves, ExtentLeavesLoneSpikesOut) {
  AxisExtent extent(AxisScale::kLinear);
  for (int i = 0; i < 998; ++i) extent.add(i % 2);
  extent.add(1000);
  extent.add(-1000);
  extent.add(kNan);
  const Axis axis = extent.fit(0.004);
  EXPECT_EQ(axis.low, 0);
  EXPECT_EQ(axis.high, 1);
}

TEST(Curves, SmoothingIsATriangularMeanWithoutLag) {
  EXPECT_THAT(smoothed({0, 0, 4, 0, 0}, 3), ElementsAre(0, 1, 2, 1, 0));
  EXPECT_THAT(smoothed({1, 2, 3}, 1), ElementsAre(1, 2, 3));
  const std::vector<double> straight = {0, 1, 2, 3, 4, 5, 6};
  EXPECT_DOUBLE_EQ(smoothed(straight, 5)[3], 3);
  const std::vector<double> gaps = smoothed({kNan, kNan, kNan, 6, kNan}, 3);
  EXPECT_TRUE(std::isnan(gaps[0]));
  EXPECT_EQ(gaps[2], 6);
  EXPECT_EQ(gaps[4], 6);
}

TEST(Curves, ThinningKeepsSpikesAndGaps) {
  Polyline points;
  for (int i = 0; i < 100000; ++i) points.push_back({i / 200.0, std::sin(i * 0.1)});
  points[54321].y = 99;
  points[70000].y = kNan;
  const Polyline kept = thinned(points);
  EXPECT_LT(kept.size(), 2100U);
  EXPECT_GT(kept.size(), 1500U);
  EXPECT_TRUE(std::any_of(kept.begin(), kept.end(), [](Point p) { return p.y == 99; }));
  EXPECT_TRUE(std::any_of(kept.begin(), kept.end(), [](Point p) { return std::isnan(p.y); }));
  EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end(), [](Point a, Point b) { return a.x < b.x; }));
  EXPECT_EQ(thinned(Polyline(1000, Point{1, 1})).size(), 1000U);
}

TEST(Curves, PathLiftsThePenAtNan) {
  EXPECT_EQ(path_data({{0, 1}, {2, 3.04}, {4, kNan}, {5, 6}, {7, 8}}),
            "M0.0 1.0L2.0 3.0M5.0 6.0L7.0 8.0");
  EXPECT_EQ(path_data({}), "");
}

TEST(Curves, SvgIsWellFormedAndNamesEverything) {
  CurveChart chart{.title = "Losses & \"more\"", .x_label = "step", .y_label = "loss <nats>"};
  chart.curves = {noisy_curve(3000), {"few", {0, 1000, 2000}, {3, 2, 1}}};
  chart.reference = 4.2;
  chart.reference_label = "chance";
  chart.marks = {{1500, "hard negatives from here"}, {1e9, "outside"}};
  const std::string svg = curve_svg(chart);
  const MarkupCheck check = check_markup(svg);
  EXPECT_EQ(check.error, "");
  EXPECT_EQ(check.elements.at("path"), 3);  // raw and smoothed, and the short one
  EXPECT_EQ(check.elements.at("circle"), 3);
  for (const char* text : {"Losses &amp; &quot;more&quot;", "loss &lt;nats&gt;", "step", "chance",
                           "loss &lt;1&gt; &amp; more", "hard negatives from here", "1,000"}) {
    EXPECT_THAT(svg, HasSubstr(text));
  }
  EXPECT_THAT(svg, Not(HasSubstr("outside")));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_LT(svg.size(), 80000U);
}

/// Where the labels of the x axis begin and end, in order, by glyphs of 6 units.
std::vector<std::pair<double, double>> x_label_extents(const std::string& svg, int height) {
  std::vector<std::pair<double, double>> extents;
  const std::regex text(R"re(<text x="([^"]*)" y="([^"]*)" text-anchor="(\w+)"[^>]*>([^<]*)<)re");
  for (std::sregex_iterator found(svg.begin(), svg.end(), text), end; found != end; ++found) {
    if (std::stod((*found)[2]) != height - 24 + 18) continue;
    const double x = std::stod((*found)[1]), width = 6 * static_cast<double>((*found)[4].length());
    const double begin = (*found)[3] == "end" ? x - width : x - width / 2;
    extents.emplace_back(begin, begin + width);
  }
  return extents;
}

TEST(Curves, LabelsOfTheXAxisDoNotTouch) {
  for (const double last : {9.0, 10.0, 1000.0, 10000.0, 99999.0, 1e6, 12345678.0}) {
    for (const AxisScale scale : {AxisScale::kLinear, AxisScale::kLogarithmic}) {
      for (const int width : {300, 520, 900}) {
        const CurveChart chart{
            .curves = {{"c", {1, last}, {1, 2}}}, .x_scale = scale, .width = width};
        const auto extents = x_label_extents(curve_svg(chart), chart.height);
        EXPECT_GE(extents.size(), 2u) << last;
        for (size_t i = 1; i < extents.size(); ++i) {
          EXPECT_GT(extents[i].first, extents[i - 1].second) << last << " " << width;
        }
      }
    }
  }
}

TEST(Curves, OneCurveNeedsNoLegend) {
  CurveChart chart{.title = "ITC", .curves = {{"the only run", {1, 2}, {3, 4}}}};
  EXPECT_THAT(curve_svg(chart), Not(HasSubstr("the only run")));
  chart.curves.push_back({"another run", {1, 2}, {4, 3}});
  EXPECT_THAT(curve_svg(chart), HasSubstr("the only run"));
  EXPECT_THAT(curve_svg(chart), HasSubstr("another run"));
}

TEST(Curves, EveryScaleDrawsEveryData) {
  const std::vector<std::vector<double>> series = {{},
                                                   {kNan, kNan},
                                                   {1},
                                                   {2, 2, 2},
                                                   {0, 0},
                                                   {-1, 0, 1},
                                                   {1e-300, 1e300},
                                                   {1e308, -1e308},
                                                   {INFINITY, 1},
                                                   {1e-9, 2e-9}};
  for (const auto& y : series) {
    for (const AxisScale scale : {AxisScale::kLinear, AxisScale::kLogarithmic}) {
      CurveChart chart;
      chart.y_scale = scale;
      chart.x_scale = scale;
      Curve curve{"c", {}, y};
      for (size_t i = 0; i < y.size(); ++i) curve.x.push_back(static_cast<double>(i));
      chart.curves = {curve};
      chart.reference = 0;
      const std::string svg = curve_svg(chart);
      EXPECT_EQ(check_markup(svg).error, "");
      EXPECT_THAT(svg, Not(HasSubstr("nan")));
      EXPECT_THAT(svg, Not(HasSubstr("\"inf")));
    }
  }
  EXPECT_THAT(curve_svg({}), HasSubstr("no data"));
}

TEST(Curves, UnequalLengthsAreAnError) {
  CurveChart chart;
  chart.curves = {{"c", {1, 2}, {1}}};
  EXPECT_THROW(curve_svg(chart), Error);
}

}  // namespace
}  // namespace blip2
