// Figures from logs and evaluations. Nothing is computed by a model here.
#include "blip2/workflows/demo/page_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "blip2/base/files.h"
#include "blip2/image/encode.h"
#include "blip2/image/prepare.h"
#include "blip2/image/resize.h"
#include "blip2/metrics/noun_accuracy.h"
#include "blip2/report/curves.h"
#include "blip2/report/gallery.h"
#include "blip2/train/records/report.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

constexpr int kThumbnail = 176;  // pixels, as the gallery shows them
constexpr size_t kHits = 5;

/// Appends a figure of the curves that have points, if there is one.
void add_figure(std::vector<Figure>& figures, const std::string& title, const std::string& y_label,
                std::vector<Curve> curves, const std::string& caption,
                std::vector<ChartMark> marks = {}) {
  std::erase_if(curves, [](const Curve& curve) { return curve.x.empty(); });
  if (curves.empty()) return;
  CurveChart chart;
  chart.title = title;
  chart.x_label = "samples";
  chart.y_label = y_label;
  chart.curves = std::move(curves);
  chart.y_from_zero = true;
  chart.marks = std::move(marks);
  figures.push_back({curve_svg(chart), caption});
}

/// Empty where the run has not started.
std::vector<LogRow> log_of(const fs::path& run) {
  const fs::path log = run / "log.jsonl";
  return fs::exists(log) ? read_log(log) : std::vector<LogRow>();
}

}  // namespace

const std::string& Thumbnails::of(const std::string& path) {
  const auto [entry, is_new] = encoded_.try_emplace(path);
  if (is_new) {
    const MappedFile file(path);
    const Image image = prepare_image(file.bytes(), path, transform_);
    entry->second = encode_png(resize(image, kThumbnail, kThumbnail));
  }
  return entry->second;
}

std::string demo_footer() {
  return "Made by blip2 " BLIP2_VERSION
         ". Pictures: Noto Emoji (Apache-2.0), EmojiOne ((c) 2014 Ranks.com Inc., CC-BY-SA-4.0), "
         "Tux Paint stamps (GPL-2).";
}

std::vector<Figure> training_figures(const fs::path& output, const DemoPlan& plan) {
  const std::vector<LogRow> one = log_of(output / "stage1");
  const std::vector<LogRow> two = log_of(output / "stage2");
  const std::vector<LogRow> with = log_of(output / "ablation" / "with_stage1");
  const std::vector<LogRow> without = log_of(output / "ablation" / "without_stage1");
  std::vector<ChartMark> marks;
  const int64_t hard_samples = plan.hard_negatives_from() * DemoPlan::kStage1Batch;
  if (!one.empty() && one.back().samples >= hard_samples) {
    marks.push_back({static_cast<double>(hard_samples), "hard negatives"});
  }
  std::vector<Figure> figures;
  add_figure(figures, "ITC", "loss", {log_curve(one, "loss_itc", "ITC")},
             "Stage 1, image-text contrast. With label smoothing 0.1 over 64 pairs it cannot fall "
             "below 0.73. Thin: each step; thick: smoothed.");
  add_figure(figures, "ITM", "loss", {log_curve(one, "loss_itm", "ITM")},
             "Stage 1, image-text matching: uniform negatives first, then half of them hard. 0.64 "
             "is the loss of answering one class.",
             marks);
  add_figure(figures, "ITG", "loss", {log_curve(one, "loss_itg", "ITG")},
             "Stage 1, image-grounded text generation, label smoothing 0.1.");
  add_figure(figures, "LM", "loss", {log_curve(two, "loss_lm", "LM")},
             "Stage 2, language modelling through the frozen language model.");
  add_figure(figures, "LM, ablation", "loss",
             {log_curve(with, "loss_lm", "with stage 1"),
              log_curve(without, "loss_lm", "without stage 1")},
             "A short stage 2 from stage 1's Q-Former, and from BERT's weights alone.");
  add_figure(figures, "query similarity", "mean squared cosine",
             {log_curve(one, "query_similarity", "stage 1"),
              log_curve(two, "query_similarity", "stage 2")},
             "Between a picture's queries: 1 where all are equal.");
  return figures;
}

Figure caption_figure(const CaptionEvaluation& result, size_t most, Thumbnails& thumbnails) {
  std::vector<CaptionCard> cards;
  for (size_t i = 0; i < std::min(most, result.captions.size()); ++i) {
    const std::string& reference = result.references[i].front();
    cards.push_back({thumbnails.of(result.images[i]), reference, result.captions[i],
                     contains_noun(result.captions[i], head_noun(reference)), ""});
  }
  return {caption_gallery(cards),
          fmt::format("The first {} of the set, not chosen. Generated above, reference below; the "
                      "mark says whether the reference's head noun occurs.",
                      cards.size())};
}

Figure search_figure(const RetrievalEvaluation& result, size_t most, const std::string& set,
                     Thumbnails& thumbnails) {
  std::vector<SearchResult> searches;
  std::set<std::string> shown;
  for (size_t text = 0; text < result.texts.size() && searches.size() < most; ++text) {
    if (!shown.insert(result.texts[text]).second) continue;
    std::vector<size_t> order(result.images.size());
    std::iota(order.begin(), order.end(), size_t{0});
    const auto score = [&](size_t image) {
      return result.similarity[image * result.texts.size() + text];
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return score(a) > score(b); });
    SearchResult search{result.texts[text], {}, std::nullopt};
    for (size_t place = 0; place < order.size(); ++place) {
      const size_t image = order[place];
      const bool right = result.text_images[text] == static_cast<int64_t>(image);
      if (right && !search.right_place) search.right_place = static_cast<int64_t>(place) + 1;
      if (place < kHits) {
        search.hits.push_back({thumbnails.of(result.images[image]), score(image), right,
                               result.texts[static_cast<size_t>(result.first_texts[image])]});
      }
    }
    searches.push_back(std::move(search));
  }
  return {search_gallery(searches),
          fmt::format("The captions of the first {} {}, searched among {} of them by ITC "
                      "(image-text contrast).",
                      searches.size(), set, result.images.size())};
}

}  // namespace blip2
