// The demo: both stages of BLIP-2 trained from small real frozen models on real pictures, evaluated
// on pictures never seen, and a page that shows it. Every part of it is what the other verbs use.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace blip2 {

struct DemoOptions {
  std::filesystem::path output = "demo-run";
  std::filesystem::path assets;  ///< models and pictures, as tools/fetch_assets leaves them
  std::optional<double>
      minutes;  ///< of the whole demo; none: the default plan, at most 35 on 2 cores
  uint64_t seed = 42;
};

/// $BLIP2_ASSETS, else ~/.cache/blip2.
std::filesystem::path default_assets();

/// Runs what is left to do in options.output: an interrupted demo goes on. Writes stage1/, stage2/,
/// report.html and scores.json there; prints the scores and what to try next on stdout. Throws
/// kUnavailable, naming tools/fetch_assets, where an asset is missing; kInterrupted.
void run_demo(const DemoOptions& options);

}  // namespace blip2
