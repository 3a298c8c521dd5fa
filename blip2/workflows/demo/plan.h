// The demo's plan in numbers of steps. It is fixed and recorded before training starts, and a demo
// that resumes keeps it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "blip2/train/config/keys.h"

namespace blip2 {

/// Seconds of one step of each stage on this machine.
struct StepTimes {
  double stage1 = 0, stage2 = 0;
};

struct DemoPlan {
  int64_t stage1_steps = 300;    ///< of kStage1Batch samples
  int64_t stage2_steps = 640;    ///< of kStage2Batch samples
  int64_t ablation_steps = 120;  ///< of the short stage 2 with stage 1, and of that without
  uint64_t seed = 42;
  std::optional<double> minutes;  ///< as given by the user, if at all

  /// The stage-1 step after which ITM's negatives are hard.
  int64_t hard_negatives_from() const { return stage1_steps * 88 / 100; }

  static constexpr int64_t kStage1Batch = 64;
  static constexpr int64_t kStage2Batch = 16;
  static constexpr int64_t kViews = 3;
  static constexpr int64_t kRerank = 16;  ///< candidates that ITM re-ranks
};

/// The plan whose training fits in `seconds`. Without `stretch`, at most the default plan.
DemoPlan fit_plan(const StepTimes& times, double seconds, bool stretch);

/// Seconds that a plan's training takes.
double training_seconds(const DemoPlan& plan, const StepTimes& times);

/// Seconds of the evaluation, which does not depend on the plan.
double evaluation_seconds(const StepTimes& times);

void save_plan(const DemoPlan& plan, const std::filesystem::path& path);
/// Nothing where the file does not exist. Throws kCorruptData.
std::optional<DemoPlan> load_plan(const std::filesystem::path& path);

/// The configurations of the demo's runs below `output`.
TrainConfig demo_stage1(const DemoPlan& plan, const std::filesystem::path& output,
                        const std::filesystem::path& assets);
TrainConfig demo_stage2(const DemoPlan& plan, const std::filesystem::path& output,
                        const std::filesystem::path& assets);
enum class Stage1Use { kWith, kWithout };
/// A short stage 2 with its own schedule, to be stopped after plan.ablation_steps. Its end is one
/// step later, so no model is written.
TrainConfig demo_ablation(const DemoPlan& plan, const std::filesystem::path& output,
                          const std::filesystem::path& assets, Stage1Use stage1);

}  // namespace blip2
