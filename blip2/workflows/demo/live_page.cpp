// Evaluation of a few pictures between two training steps, and the page made of it.
#include "blip2/workflows/demo/live_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "blip2/base/clock.h"
#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/log.h"
#include "blip2/report/markup.h"
#include "blip2/report/page.h"
#include "blip2/tasks/captioner.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kPictures = 8;     // captioned, and searched by their captions
constexpr int64_t kCandidates = 32;  // pictures that a search chooses among

/// The first records of another source.
class FirstRecords final : public Source {
 public:
  FirstRecords(const Source& source, int64_t most)
      : source_(source), size_(std::min(most, source.size())) {}
  int64_t size() const override { return size_; }
  Record record(int64_t index) const override { return source_.record(index); }

 private:
  const Source& source_;
  int64_t size_;
};

EvaluationOptions evaluation_options(const DemoPlan& plan) {
  EvaluationOptions options;
  options.batch_size = kCandidates;
  options.max_text_length = 24;
  options.rerank = 0;
  options.seed = plan.seed;
  return options;
}

std::string whole_percent(double value) { return format_number(value, 0) + " %"; }

/// Progress, and a number for each kind of sample that there is.
std::vector<Fact> facts_of(const std::string& stage, int64_t num_steps, const LogRow& row,
                           const std::optional<RetrievalEvaluation>& searches,
                           const std::optional<CaptionEvaluation>& captions) {
  std::vector<Fact> facts = {{fmt::format("{} of {}", row.step, num_steps), "steps of " + stage,
                              fmt::format("{:.1f} samples/s", row.samples_per_second)},
                             {format_number(row.loss, 2), "loss of the last step", ""}};
  if (searches) {
    facts.push_back({whole_percent(searches->itc.img_r1), "drawings found first for a caption",
                     fmt::format("of {}; chance {}", searches->num_images,
                                 whole_percent(searches->chance.img_r1))});
  }
  if (captions) {
    facts.push_back({whole_percent(captions->noun_accuracy), "captions with the right head noun",
                     fmt::format("of {}", captions->captions.size())});
  }
  return facts;
}

}  // namespace

void PageSchedule::wrote(double started_s, double ended_s) {
  const double cost_s = ended_s - started_s;
  due_s_ = std::max(started_s + kEvery_s, ended_s + cost_s * (1 - kMaxShare) / kMaxShare);
}

LivePage::LivePage(fs::path output, const DemoPlan& plan, const Source& drawings)
    : output_(std::move(output)), plan_(plan), drawings_(drawings) {}

void LivePage::after_step(const std::string& stage, int64_t num_steps, const LogRow& row,
                          const Bundle& model, Samples samples) {
  if (stage != stage_) schedule_.restart();
  stage_ = stage;
  const double started_s = now_s();
  if (!schedule_.is_due(started_s)) return;
  const fs::path page = output_ / "report.html";
  try {
    if (!thumbnails_) thumbnails_.emplace(model.transform);
    if (samples == Samples::kOfModel) try_model(model);
    write_file_atomic(page, html(stage, num_steps, row));
  } catch (const Error& error) {
    // The loop itself ends an interrupted run, after a snapshot.
    if (error.code() == ErrorCode::kInterrupted) return;
    log_warning("{}: not written: {}", page.string(), error.what());
  }
  schedule_.wrote(started_s, now_s());
  if (!std::exchange(is_announced_, true)) {
    log_info("open {} to watch it learn: written again every minute",
             fs::absolute(page).lexically_normal().string());
  }
}

void LivePage::try_model(const Bundle& model) {
  const EvaluationOptions options = evaluation_options(plan_);
  if (model.stage1) {
    searches_ = evaluate_retrieval(model, FirstRecords(drawings_, kCandidates), options);
  } else {
    captions_ = evaluate_captions(model, FirstRecords(drawings_, kPictures),
                                  default_generation_options(model), model.prompt, options);
  }
}

std::string LivePage::html(const std::string& stage, int64_t num_steps, const LogRow& row) {
  Page page("BLIP-2, learning",
            fmt::format("A frozen image encoder (EfficientNet-Lite0), a frozen language model "
                        "(SmolLM2-135M) and a small Querying Transformer between them, in "
                        "training: {}. The pictures are held out. This page loads itself again "
                        "every minute; the final one takes its place.",
                        stage));
  page.reload_every(static_cast<int>(PageSchedule::kEvery_s));
  page.facts(facts_of(stage, num_steps, row, searches_, captions_));
  if (captions_) {
    page.section("Captions");
    page.figure(caption_figure(*captions_, kPictures, *thumbnails_));
  }
  if (searches_) {
    page.section("Searches");
    page.figure(search_figure(*searches_, kPictures, "held-out drawings", *thumbnails_));
  }
  page.section("Losses");
  page.figures(training_figures(output_, plan_));
  page.footer(demo_footer());
  return page.html();
}

}  // namespace blip2
