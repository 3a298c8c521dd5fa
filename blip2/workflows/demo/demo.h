// The demo: trains both stages of BLIP-2 from small real frozen models on real pictures, evaluates
// them on held-out pictures, and writes a page about it. It uses the same parts as the other verbs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace blip2 {

struct DemoOptions {
  std::filesystem::path output = "demo-run";
  std::filesystem::path assets;   ///< models and pictures, as tools/fetch_assets leaves them
  std::optional<double> minutes;  ///< for the whole demo; none: at most 35 on 2 cores
  uint64_t seed = 42;
};

/// $BLIP2_ASSETS, else ~/.cache/blip2.
std::filesystem::path default_assets();

/// Runs the phases that options.output does not hold yet, so an interrupted demo resumes. Writes
/// stage1/, stage2/, report.html and scores.json there, and prints the scores and commands to try
/// next on stdout. Throws kUnavailable, naming tools/fetch_assets, where an asset is missing, and
/// kInterrupted.
void run_demo(const DemoOptions& options);

}  // namespace blip2
