// The demo's final page: report.html, one self-contained file.
#pragma once

#include <filesystem>
#include <string>

#include "blip2/models/bundle.h"
#include "blip2/workflows/demo/plan.h"
#include "blip2/workflows/demo/scores.h"

namespace blip2 {

struct DemoReport {
  std::filesystem::path output;
  DemoPlan plan;
  DemoScores scores;
  const Bundle* stage1 = nullptr;  ///< for attention maps and the pictures' transform
};

/// The page as HTML: curves from the runs' logs, tables, 48 captioned pictures, 12 searches,
/// attention, the ablation, times.
std::string demo_report_html(const DemoReport& report);

}  // namespace blip2
