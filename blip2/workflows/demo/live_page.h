// The page that a person who waits for the demo can watch: report.html while the demo trains, with
// the losses so far and what the model makes of the first held-out pictures. The final page
// (report.h) takes its place.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "blip2/data/source.h"
#include "blip2/models/bundle.h"
#include "blip2/tasks/evaluator.h"
#include "blip2/train/records/event_log.h"
#include "blip2/workflows/demo/page_parts.h"
#include "blip2/workflows/demo/plan.h"

namespace blip2 {

/// When a page is written: at once, then every minute, and less often where a page takes so long
/// that the share of the time would exceed kMaxShare.
class PageSchedule {
 public:
  static constexpr double kEvery_s = 60;
  static constexpr double kMaxShare = 0.04;

  bool is_due(double now_s) const { return now_s >= due_s_; }
  /// The next page is due at once: a stage begins.
  void restart() { due_s_ = 0; }
  void wrote(double started_s, double ended_s);

 private:
  double due_s_ = 0;
};

class LivePage {
 public:
  /// What a page shows besides the losses.
  enum class Samples {
    kOfModel,  ///< a stage-1 model's searches, a stage-2 model's captions
    kLast      ///< what the last page showed: the ablation's models are not the demo's
  };

  /// Writes output/report.html. `drawings` is the held-out set and must outlive this.
  LivePage(std::filesystem::path output, const DemoPlan& plan, const Source& drawings);

  /// To be called after each step of a stage of `num_steps`: writes the page where it is due. Draws
  /// no random number and changes nothing that training reads. A page that cannot be written is a
  /// warning, not an error.
  void after_step(const std::string& stage, int64_t num_steps, const LogRow& row,
                  const Bundle& model, Samples samples);

 private:
  void try_model(const Bundle& model);
  std::string html(const std::string& stage, int64_t num_steps, const LogRow& row);

  std::filesystem::path output_;
  DemoPlan plan_;
  const Source& drawings_;
  PageSchedule schedule_;
  std::string stage_;  // of the last page
  bool is_announced_ = false;
  std::optional<Thumbnails> thumbnails_;
  std::optional<RetrievalEvaluation> searches_;
  std::optional<CaptionEvaluation> captions_;
};

}  // namespace blip2
