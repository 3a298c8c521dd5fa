// Reads the folders of the runs and fills the sections of the page.
#include "blip2/train/records/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <span>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/report/markup.h"
#include "blip2/report/page.h"
#include "blip2/train/records/settings.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

/// What the folder of a run holds.
struct Run {
  std::string label;
  std::vector<LogRow> rows;
  Settings settings;
};

/// A number of log.jsonl and how it is drawn.
struct Quantity {
  const char* name;
  const char* title;
  AxisScale scale = AxisScale::kLinear;
  const char* note = "";
};

constexpr Quantity kLosses[] = {
    {"loss", "total loss", AxisScale::kLogarithmic, "Weighted sum of the losses."},
    {"loss_itc", "ITC", AxisScale::kLogarithmic, "Image-text contrast."},
    {"loss_itm", "ITM", AxisScale::kLogarithmic,
     "Image-text matching; 0.64 is the loss of the same answer for all pairs."},
    {"loss_itg", "ITG", AxisScale::kLogarithmic, "Image-grounded text generation."},
    {"loss_lm", "LM", AxisScale::kLogarithmic, "Language modelling."},
};
constexpr Quantity kOthers[] = {
    {"lr", "learning rate"},
    {"grad_norm", "gradient norm", AxisScale::kLogarithmic, "Before clipping."},
    {"temperature", "temperature", AxisScale::kLogarithmic, "ITC's, before the update."},
    {"itm_accuracy", "ITM accuracy", AxisScale::kLinear, "Share of pairs classified correctly."},
    {"query_similarity", "query similarity", AxisScale::kLinear,
     "Mean squared cosine between a picture's queries: 1 if all queries are equal."},
    {"samples_per_second", "samples per second"},
};

/// The loss of LAVIS's code on COCO, VG, CC3M and SBU (4,606,464 pairs), 1,024 pairs a step, 4,498
/// steps an epoch, as logged by others (github.com/yiren-jian/BLIText,
/// training_logs/BLIP2/training_stage1.txt, training_stage2.txt): five steps of the first epoch,
/// then the means of epochs, drawn at their middle.
Curve lavis_curve(bool is_stage2) {
  constexpr double kPairs = 1024, kSteps = 4498;
  const std::vector<double> first = is_stage2 ? std::vector<double>{6.73, 2.97, 2.70, 2.69, 2.74}
                                              : std::vector<double>{17.76, 8.57, 7.25, 7.30, 6.89};
  const std::vector<double> epochs =
      is_stage2 ? std::vector<double>{2.48, 2.40, 2.35, 2.31, 2.28, 2.24, 2.22, 2.20, 2.19}
                : std::vector<double>{6.31, 5.95, 5.75, 5.60, 5.48, 5.38, 5.30, 5.24, 5.20};
  Curve curve{is_stage2 ? "LAVIS, OPT-2.7B, 4.6 M pairs" : "LAVIS, ViT-g, 4.6 M pairs", {}, {}};
  for (size_t i = 0; i < first.size(); ++i) {
    curve.x.push_back(kPairs * (i == 0 ? 1 : 900 * static_cast<double>(i)));
    curve.y.push_back(first[i]);
  }
  for (size_t i = 0; i < epochs.size(); ++i) {
    curve.x.push_back(kPairs * kSteps * (static_cast<double>(i) + 1.5));
    curve.y.push_back(epochs[i]);
  }
  return curve;
}

Settings settings_of_run(const fs::path& config) {
  Settings settings = read_settings(read_file(config), config.string());
  settings.erase("run.output_dir");
  return settings;
}

/// Folder names, with as many of their parent folders as make them different.
std::vector<std::string> labels_of(const std::vector<fs::path>& runs) {
  std::vector<fs::path> paths;
  for (const fs::path& run : runs) {
    fs::path path = fs::absolute(run).lexically_normal();
    paths.push_back(path.has_filename() ? path : path.parent_path());
  }
  std::vector<std::string> labels;
  for (size_t depth = 1;; ++depth) {
    labels.clear();
    for (const fs::path& path : paths) {
      fs::path label;
      size_t left = depth;
      for (fs::path rest = path; left > 0 && rest.has_relative_path();
           rest = rest.parent_path(), --left) {
        label = label.empty() ? rest.filename() : rest.filename() / label;
      }
      labels.push_back(label.string());
    }
    const bool is_distinct =
        std::set<std::string>(labels.begin(), labels.end()).size() == labels.size();
    if (is_distinct || depth == 8) return labels;
  }
}

bool has_number(const Run& run, const std::string& name) {
  return std::any_of(run.rows.begin(), run.rows.end(),
                     [&](const LogRow& row) { return !std::isnan(value_of(row, name)); });
}

void add_charts(Page& page, const std::vector<Run>& runs, std::span<const Quantity> quantities) {
  std::vector<Figure> figures;
  for (const Quantity& quantity : quantities) {
    CurveChart chart{.title = quantity.title, .x_label = "samples", .y_scale = quantity.scale};
    for (const Run& run : runs) {
      if (has_number(run, quantity.name))
        chart.curves.push_back(log_curve(run.rows, quantity.name, run.label));
    }
    if (chart.curves.empty()) continue;
    if (chart.curves.size() == 1 && runs.size() > 1) chart.title += ", " + chart.curves[0].label;
    figures.push_back({curve_svg(chart), quantity.note});
  }
  page.figures(figures);
}

void add_overview(Page& page, const std::vector<Run>& runs) {
  Table table{.header = {"run", "task", "steps", "samples", "hours", "samples/s", "first loss",
                         "last loss", "steps not applied"},
              .rows = {}};
  for (const Run& run : runs) {
    const auto task = run.settings.find("run.task");
    const LogRow& last = run.rows.back();
    const auto bad = std::count_if(run.rows.begin(), run.rows.end(),
                                   [](const LogRow& row) { return !row.applied; });
    table.rows.push_back(
        {run.label, task == run.settings.end() ? "" : task->second, format_count(last.step),
         format_count(last.samples), format_number(last.elapsed_s / 3600, 2),
         format_number(static_cast<double>(last.samples) / std::max(last.elapsed_s, 1e-9), 1),
         format_number(run.rows.front().loss, 3), format_number(last.loss, 3), format_count(bad)});
  }
  page.table(table);
}

void add_lavis(Page& page, const std::vector<Run>& runs) {
  for (const bool is_stage2 : {false, true}) {
    CurveChart chart{.title = is_stage2 ? "stage 2" : "stage 1",
                     .x_label = "samples",
                     .y_label = "total loss",
                     .x_scale = AxisScale::kLogarithmic,
                     .y_scale = AxisScale::kLogarithmic};
    for (const Run& run : runs) {
      if (has_number(run, is_stage2 ? "loss_lm" : "loss_itc")) {
        chart.curves.push_back(log_curve(run.rows, "loss", run.label));
      }
    }
    if (chart.curves.empty()) continue;
    chart.curves.push_back(lavis_curve(is_stage2));
    page.figure(
        {curve_svg(chart),
         "LAVIS's code as logged by others (github.com/yiren-jian/BLIText, "
         "training_logs/BLIP2): 1,024 pairs a step, ten epochs. The loss also depends on the "
         "batch size, the vocabulary and the language model."});
  }
}

void add_differences(Page& page, const std::vector<Run>& runs) {
  std::set<std::string> keys;
  for (const Run& run : runs) {
    for (const auto& [key, value] : run.settings) keys.insert(key);
  }
  Table table{.header = {"key"}, .rows = {}};
  for (const Run& run : runs) table.header.push_back(run.label);
  for (const std::string& key : keys) {
    std::vector<std::string> row = {key};
    std::set<std::string> values;
    for (const Run& run : runs) {
      const auto found = run.settings.find(key);
      row.push_back(found == run.settings.end() ? "–" : found->second);
      values.insert(row.back());
    }
    if (runs.size() == 1 || values.size() > 1) table.rows.push_back(std::move(row));
  }
  if (table.rows.empty()) {
    page.paragraph("None: all runs have the same configuration.");
  } else {
    page.table(table);
  }
}

}  // namespace

Curve log_curve(const std::vector<LogRow>& rows, const std::string& name,
                const std::string& label) {
  Curve curve{label, {}, {}};
  for (const LogRow& row : rows) {
    curve.x.push_back(static_cast<double>(row.samples));
    curve.y.push_back(value_of(row, name));
  }
  return curve;
}

std::string run_report(const std::vector<fs::path>& paths) {
  if (paths.empty()) fail(ErrorCode::kInvalidArgument, "report: expected at least one run");
  const std::vector<std::string> labels = labels_of(paths);
  std::vector<Run> runs;
  for (size_t i = 0; i < paths.size(); ++i) {
    Run run{labels[i], read_log(paths[i] / "log.jsonl"), settings_of_run(paths[i] / "config.yaml")};
    if (run.rows.empty()) {
      fail(ErrorCode::kCorruptData, "{}: expected at least one row",
           (paths[i] / "log.jsonl").string());
    }
    runs.push_back(std::move(run));
  }
  Page page(runs.size() == 1 ? "Training run " + runs[0].label
                             : fmt::format("{} training runs", runs.size()),
            "Every number of log.jsonl over the samples: points are steps, lines are smoothed over "
            "neighbouring rows.");
  add_overview(page, runs);
  page.section("Losses");
  add_charts(page, runs, kLosses);
  page.section("Rates and health");
  add_charts(page, runs, kOthers);
  page.section("Comparison with LAVIS");
  add_lavis(page, runs);
  page.section(runs.size() == 1 ? "Configuration" : "Differences of the configurations");
  add_differences(page, runs);
  return page.html();
}

}  // namespace blip2
