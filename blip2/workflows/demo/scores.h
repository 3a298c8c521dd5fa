// The demo's scores on its two held-out sets, and scores.json.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "blip2/tasks/evaluator.h"

namespace blip2 {

struct HeldOutScores {
  RetrievalEvaluation retrieval;
  CaptionEvaluation captions;
};

struct DemoScores {
  HeldOutScores unseen_concepts, unseen_drawings;
  double lm_loss_with_stage1 = 0, lm_loss_without_stage1 = 0;
  double final_lm_loss_concepts = 0, final_lm_loss_drawings = 0;
  /// By phase: fetch, features, stage1, stage2, ablation, evaluation.
  std::map<std::string, double> seconds;
  int64_t stage1_samples = 0, stage2_samples = 0, ablation_samples = 0;
};

/// The text of scores.json (docs/formats.md).
std::string scores_json(const DemoScores& scores);

/// The scores as lines for a terminal.
std::string scores_text(const DemoScores& scores);

/// Seconds spent on each phase, kept in a file, so that they add up over interruptions.
class PhaseTimes {
 public:
  explicit PhaseTimes(std::filesystem::path path);
  void add(const std::string& phase, double seconds);
  void clear(const std::string& phase) { seconds_.erase(phase); }
  const std::map<std::string, double>& seconds() const { return seconds_; }
  double total() const;

 private:
  std::filesystem::path path_;
  std::map<std::string, double> seconds_;
};

}  // namespace blip2
