// The demo's phases in their order, each skipped where an earlier start has finished it.
#include "blip2/workflows/demo/demo.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "blip2/base/clock.h"
#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/interrupt.h"
#include "blip2/base/json_text.h"
#include "blip2/base/log.h"
#include "blip2/base/progress.h"
#include "blip2/data/open_source.h"
#include "blip2/data/source.h"
#include "blip2/models/directory/frozen_parts.h"
#include "blip2/tasks/captioner.h"
#include "blip2/train/config/loader.h"
#include "blip2/train/run.h"
#include "blip2/train/stage1.h"
#include "blip2/train/stage2.h"
#include "blip2/workflows/demo/live_page.h"
#include "blip2/workflows/demo/pictures.h"
#include "blip2/workflows/demo/plan.h"
#include "blip2/workflows/demo/report.h"
#include "blip2/workflows/demo/scores.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

constexpr double kDefaultMinutes = 32;  // of the 35 that are promised; fetching takes the rest
constexpr int64_t kTimedSteps = 5;

/// Adds the time from here to the end of the scope to a phase, also when it ends by an error.
class PhaseTimer {
 public:
  PhaseTimer(PhaseTimes& times, std::string phase)
      : times_(times), phase_(std::move(phase)), start_s_(now_s()) {}
  ~PhaseTimer() {
    try {
      times_.add(phase_, now_s() - start_s_);
    } catch (const Error& error) {
      log_warning("{}", error.what());
    }
  }
  PhaseTimer(const PhaseTimer&) = delete;
  PhaseTimer& operator=(const PhaseTimer&) = delete;

 private:
  PhaseTimes& times_;
  std::string phase_;
  double start_s_;
};

/// A held-out set with its features, for measuring the LM loss during stage 2.
struct HeldOutSet {
  std::unique_ptr<Source> source;
  at::Tensor embeds;  // [n, P, Dv]
  std::vector<std::string> captions;
};

/// A word quoted for a shell.
std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string result = "'";
  for (const char c : word) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

class Demo {
 public:
  explicit Demo(const DemoOptions& options)
      : options_(options),
        times_(options.output / "times.json"),
        fetch_times_(options.assets / ".fetched" / "seconds.json") {}

  void run();

 private:
  fs::path path(const char* name) const { return options_.output / name; }
  void prepare_pictures();
  HeldOutSet open_held_out(const char* name, ImageEncoder& encoder,
                           const ImageTransform& transform);
  void make_plan();
  template <typename MakeStage>
  double time_steps(const TrainConfig& config, MakeStage make_stage);
  void train_stage(const TrainConfig& config, const char* phase, RunOptions options);
  void show(const std::string& stage, int64_t num_steps, const LogRow& row, const Bundle& bundle,
            LivePage::Samples samples = LivePage::Samples::kOfModel);
  double ablation_loss(Stage1Use stage1);
  double held_out_loss_of(const Bundle& bundle) const;
  std::optional<double> noted_ablation_loss(const char* key) const;
  DemoScores evaluate();
  void finish(const DemoScores& scores);

  DemoOptions options_;
  PhaseTimes times_;
  PhaseTimes fetch_times_;  // by package, as tools/fetch_assets noted them
  DemoPlan plan_;
  HeldOutSet concepts_, drawings_;
  std::optional<LivePage> page_;
};

void Demo::prepare_pictures() {
  if (!fs::exists(path("data") / "train.jsonl")) {
    const DemoPictures pictures = read_demo_pictures(options_.assets);
    make_directories(path("data"));
    write_demo_pictures(pictures, path("data"));
    log_info("{} pictures to train on, {} of unseen concepts, {} unseen drawings",
             pictures.train.size(), pictures.unseen_concepts.size(),
             pictures.unseen_drawings.size());
  }
}

HeldOutSet Demo::open_held_out(const char* name, ImageEncoder& encoder,
                               const ImageTransform& transform) {
  HeldOutSet set;
  SourceConfig config;
  config.name = name;
  config.annotations = {path("data") / (std::string(name) + ".jsonl")};
  set.source = open_source(config);
  FeatureCacheConfig cache_config;
  cache_config.directory = path("features") / name;
  cache_config.image_size = transform.image_size;
  cache_config.views = "none";
  const FeatureCache cache(cache_config, *set.source, encoder,
                           [&](const Record& record, RecordView) {
                             const MappedFile file(record.image);
                             return prepare_pixels(file.bytes(), record.image.string(), transform);
                           });
  set.embeds = at::empty({set.source->size(), cache.num_tokens(), cache.width()}, at::kFloat);
  for (int64_t i = 0; i < set.source->size(); ++i) {
    cache.check(i);
    cache.read(i, 0, set.embeds[i]);
    set.captions.push_back(set.source->record(i).captions.front());
  }
  return set;
}

/// Seconds of one training step: the best of a few, with throw-away weights.
template <typename MakeStage>
double Demo::time_steps(const TrainConfig& config, MakeStage make_stage) {
  double best = 1e9;
  const auto stage = make_stage(config);
  stage->seek({});
  for (int64_t step = 1; step <= kTimedSteps; ++step) {
    const double start = now_s();
    const StepOutput output = stage->run_batch({.step = step, .seed = plan_.seed});
    output.loss.backward();
    best = std::min(best, now_s() - start);
    throw_if_interrupted();
  }
  return best * (1.05 + PageSchedule::kMaxShare);  // the optimiser and snapshots, and the page
}

void Demo::make_plan() {
  if (const std::optional<DemoPlan> plan = load_plan(path("plan.json"))) {
    plan_ = *plan;
    if (plan_.seed != options_.seed || (options_.minutes && plan_.minutes != options_.minutes)) {
      log_warning("{}: resumed with the seed and the minutes that it was started with",
                  path("plan.json").string());
    }
    return;
  }
  log_info("timing a few steps of each stage");
  const double timing_started_s = now_s();
  plan_.seed = options_.seed;
  StepTimes step_times;
  SingleProcess communicator;
  {
    const TrainConfig config = demo_stage1(plan_, options_.output, options_.assets);
    Bundle bundle = assemble(config);
    TrainingData data(config, *bundle.image_encoder, bundle.transform, path("skipped.jsonl"));
    step_times.stage1 = time_steps(config, [&](const TrainConfig& c) {
      return std::make_unique<Stage1Training>(bundle, data, c, communicator);
    });
  }
  {
    const TrainConfig config =
        demo_ablation(plan_, options_.output, options_.assets, Stage1Use::kWithout);
    Bundle bundle = assemble(config);
    TrainingData data(config, *bundle.image_encoder, bundle.transform, path("skipped.jsonl"));
    step_times.stage2 = time_steps(config, [&](const TrainConfig& c) {
      return std::make_unique<Stage2Training>(bundle, data, c, communicator);
    });
  }
  times_.add("planning", now_s() - timing_started_s);
  const double budget = 60 * options_.minutes.value_or(kDefaultMinutes) - times_.total();
  plan_ =
      fit_plan(step_times, budget - evaluation_seconds(step_times), options_.minutes.has_value());
  plan_.seed = options_.seed;
  plan_.minutes = options_.minutes;
  save_plan(plan_, path("plan.json"));
  log_info(
      "a step takes {:.2f} s in stage 1 and {:.2f} s in stage 2: the plan is {} + {} steps, twice "
      "{} for the ablation, about {} of training and {} of evaluation",
      step_times.stage1, step_times.stage2, plan_.stage1_steps, plan_.stage2_steps,
      plan_.ablation_steps, format_duration(training_seconds(plan_, step_times)),
      format_duration(evaluation_seconds(step_times)));
  const double needed =
      times_.total() + training_seconds({}, step_times) + evaluation_seconds(step_times);
  if (!options_.minutes && plan_.stage1_steps < DemoPlan{}.stage1_steps / 2) {
    log_warning(
        "too few steps to learn much: --minutes {:.0f} is enough for {} + {}; remove {} to plan "
        "again",
        std::ceil(needed / 60), DemoPlan{}.stage1_steps, DemoPlan{}.stage2_steps,
        path("plan.json").string());
  }
}

void Demo::train_stage(const TrainConfig& config, const char* phase, RunOptions options) {
  const PhaseTimer timer(times_, phase);
  const LoadedTrainConfig loaded(config, "demo");
  run_training(loaded, options);
}

/// The page of a demo that trains: see LivePage.
void Demo::show(const std::string& stage, int64_t num_steps, const LogRow& row,
                const Bundle& bundle, LivePage::Samples samples) {
  if (!page_) page_.emplace(options_.output, plan_, *drawings_.source);
  page_->after_step(stage, num_steps, row, bundle, samples);
}

/// The LM loss over both held-out sets.
double Demo::held_out_loss_of(const Bundle& bundle) const {
  Progress progress("held-out loss", drawings_.source->size() + concepts_.source->size(),
                    "pictures");
  const auto advance = [&](int64_t pictures) { progress.advance(pictures); };
  const double n = static_cast<double>(drawings_.captions.size());
  const double m = static_cast<double>(concepts_.captions.size());
  const double loss = (n * held_out_loss(bundle, drawings_.embeds, drawings_.captions, advance) +
                       m * held_out_loss(bundle, concepts_.embeds, concepts_.captions, advance)) /
                      (n + m);
  progress.finish();
  return loss;
}

/// A loss in ablation.json, if it is there.
std::optional<double> Demo::noted_ablation_loss(const char* key) const {
  if (!fs::exists(path("ablation.json"))) return std::nullopt;
  const nlohmann::json json =
      nlohmann::json::parse(read_file(path("ablation.json")), nullptr, false);
  if (!json.is_object() || !json.contains(key) || !json[key].is_number()) return std::nullopt;
  return json[key].get<double>();
}

/// The held-out loss after the ablation's short stage 2, noted in ablation.json.
double Demo::ablation_loss(Stage1Use stage1) {
  const bool is_with = stage1 == Stage1Use::kWith;
  const char* key = is_with ? "with_stage1" : "without_stage1";
  if (const std::optional<double> loss = noted_ablation_loss(key)) return *loss;
  const TrainConfig config = demo_ablation(plan_, options_.output, options_.assets, stage1);
  std::optional<double> loss;
  const std::string title =
      is_with ? "ablation: stage 2 with stage 1" : "ablation: stage 2 without";
  const auto measure = [&](const LogRow& row, const Bundle& bundle) {
    show(title, plan_.ablation_steps, row, bundle, LivePage::Samples::kLast);
    if (row.step != plan_.ablation_steps) return;
    loss = held_out_loss_of(bundle);
    nlohmann::json json = {{key, *loss}};
    for (const char* other : {"with_stage1", "without_stage1"}) {
      if (const auto noted = noted_ablation_loss(other)) json[other] = *noted;
    }
    write_file_atomic(path("ablation.json"), json_document(json));
  };
  train_stage(config, "ablation",
              {.title = title, .stop_after = plan_.ablation_steps, .after_step = measure});
  if (!loss) {
    fail(ErrorCode::kCorruptData, "{}: expected the loss {}; remove {} and start again",
         path("ablation.json").string(), key, config.run.output_dir);
  }
  return *loss;
}

DemoScores Demo::evaluate() {
  DemoScores scores;
  {
    times_.clear("evaluation");  // only the last one counts
    const PhaseTimer timer(times_, "evaluation");
    Progress progress("evaluation", 3 * (drawings_.source->size() + concepts_.source->size()),
                      "pictures");
    EvaluationOptions evaluation;
    evaluation.rerank = DemoPlan::kRerank;
    evaluation.max_text_length = 24;
    evaluation.seed = plan_.seed;
    evaluation.progress = [&](int64_t pictures) {
      progress.advance(pictures);
      throw_if_interrupted();
    };
    const Bundle one = load_bundle(path("stage1") / "model");
    scores.unseen_drawings.retrieval = evaluate_retrieval(one, *drawings_.source, evaluation);
    scores.unseen_concepts.retrieval = evaluate_retrieval(one, *concepts_.source, evaluation);
    const Bundle two = load_bundle(path("stage2") / "model");
    evaluation.batch_size = 64;  // decoding reads every weight once a token, for any batch
    const GenerationOptions generation = default_generation_options(two, path("stage2") / "model");
    scores.unseen_drawings.captions =
        evaluate_captions(two, *drawings_.source, generation, two.prompt, evaluation);
    scores.unseen_concepts.captions =
        evaluate_captions(two, *concepts_.source, generation, two.prompt, evaluation);
    scores.final_lm_loss_drawings =
        held_out_loss(two, drawings_.embeds, drawings_.captions, evaluation.progress);
    scores.final_lm_loss_concepts =
        held_out_loss(two, concepts_.embeds, concepts_.captions, evaluation.progress);
    progress.finish();
  }
  scores.lm_loss_with_stage1 = ablation_loss(Stage1Use::kWith);
  scores.lm_loss_without_stage1 = ablation_loss(Stage1Use::kWithout);
  scores.stage1_samples = plan_.stage1_steps * DemoPlan::kStage1Batch;
  scores.stage2_samples = plan_.stage2_steps * DemoPlan::kStage2Batch;
  scores.ablation_samples = plan_.ablation_steps * DemoPlan::kStage2Batch;
  scores.seconds = times_.seconds();
  scores.seconds["fetch"] = fetch_times_.total();
  return scores;
}

void Demo::finish(const DemoScores& scores) {
  const Bundle one = load_bundle(path("stage1") / "model");
  write_file_atomic(path("report.html"), demo_report_html({options_.output, plan_, scores, &one}));
  write_file_atomic(path("scores.json"), scores_json(scores));
  const std::string picture = scores.unseen_drawings.captions.images.front();
  const std::string caption = scores.unseen_drawings.captions.references.front().front();
  const std::string output = options_.output.string();
  std::error_code error;
  const fs::path self = fs::relative(fs::read_symlink("/proc/self/exe", error), error);
  std::string program = error || self.empty() ? "blip2" : self.string();
  if (!error && program.find('/') == std::string::npos) program = "./" + program;
  program = shell_word(program);
  fmt::print("{}\nreport: {}\n\ntry next:\n", scores_text(scores),
             fs::absolute(path("report.html")).string());
  const std::string stage1 = shell_word(output + "/stage1/model");
  const std::string index = shell_word(output + "/index");
  fmt::print("  {} caption --model {} {}\n", program, shell_word(output + "/stage2/model"),
             shell_word(picture));
  fmt::print("  {} match --model {} {} --text {} 'a fish'\n", program, stage1, shell_word(picture),
             shell_word(caption));
  fmt::print("  {} index build --model {} {} --index {}\n", program, stage1,
             shell_word(fs::path(picture).parent_path().string()), index);
  fmt::print("  {} search --index {} 'a red apple' --top 5\n", program, index);
  std::fflush(stdout);
}

void Demo::run() {
  make_directories(options_.output);
  prepare_pictures();
  {
    // All features are computed before the plan, which then knows how much time is left.
    const PhaseTimer timer(times_, "features");
    DemoPlan any;
    any.seed = options_.seed;
    const TrainConfig config = demo_stage1(any, options_.output, options_.assets);
    ImageEncoderPart part = open_image_encoder(config.model.image_encoder);
    part.transform.resize_mode = ResizeMode::kPlaceOnBackground;
    const TrainingData data(config, *part.encoder, part.transform, path("skipped.jsonl"));
    drawings_ = open_held_out("unseen_drawings", *part.encoder, part.transform);
    concepts_ = open_held_out("unseen_concepts", *part.encoder, part.transform);
  }
  make_plan();
  const auto shown_as = [this](const std::string& stage, int64_t num_steps) {
    return RunOptions{
        .title = stage,
        .after_step = [this, stage, num_steps](const LogRow& row, const Bundle& bundle) {
          show(stage, num_steps, row, bundle);
        }};
  };
  train_stage(demo_stage1(plan_, options_.output, options_.assets), "stage1",
              shown_as("stage 1", plan_.stage1_steps));
  train_stage(demo_stage2(plan_, options_.output, options_.assets), "stage2",
              shown_as("stage 2", plan_.stage2_steps));
  ablation_loss(Stage1Use::kWith);
  ablation_loss(Stage1Use::kWithout);
  finish(evaluate());
}

}  // namespace

fs::path default_assets() {
  if (const char* folder = std::getenv("BLIP2_ASSETS"); folder != nullptr && *folder != '\0') {
    return folder;
  }
  const char* home = std::getenv("HOME");
  return fs::path(home == nullptr ? "." : home) / ".cache" / "blip2";
}

void run_demo(const DemoOptions& options) { Demo(options).run(); }

}  // namespace blip2
