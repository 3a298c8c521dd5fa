// What the final page says, section by section.
#include "blip2/workflows/demo/report.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "blip2/base/files.h"
#include "blip2/base/progress.h"
#include "blip2/base/threads.h"
#include "blip2/image/encode.h"
#include "blip2/image/prepare.h"
#include "blip2/report/gallery.h"
#include "blip2/report/heat_map.h"
#include "blip2/report/markup.h"
#include "blip2/report/page.h"
#include "blip2/workflows/demo/page_parts.h"

namespace blip2 {
namespace {

constexpr size_t kCards = 24;  // captioned pictures of each held-out set
constexpr size_t kSearches = 12;

std::string percent(double value) { return format_number(value, 1); }

void add_retrieval(Page& page, const std::string& title, const RetrievalEvaluation& result) {
  Table table;
  table.header = {"", "image to text R@1", "R@5", "R@10", "text to image R@1", "R@5", "R@10"};
  const auto row = [&](const char* name, const RetrievalScores& s) {
    table.rows.push_back({name, percent(s.txt_r1), percent(s.txt_r5), percent(s.txt_r10),
                          percent(s.img_r1), percent(s.img_r5), percent(s.img_r10)});
  };
  row("ITC alone", result.itc);
  row("re-ranked by ITM", result.reranked);
  row("chance", result.chance);
  table.quiet_rows = {2};
  const bool is_better =
      result.reranked.txt_r1 + result.reranked.img_r1 > result.itc.txt_r1 + result.itc.img_r1;
  table.caption = fmt::format(
      "{}: {} pictures, {} captions; percent. R@5: the right one is among the first five. "
      "Re-ranked: the {} best by ITC in the order of ITM's score and ITC's together{}.",
      title, result.num_images, result.num_texts, DemoPlan::kRerank,
      is_better ? "" : ", which is no better here: a matcher needs more pictures than these");
  page.table(table);
}

void add_scores(Page& page, const DemoScores& scores) {
  page.section("Scores on pictures never seen");
  page.paragraph(
      "Unseen drawings: the concept was trained on in one style, this drawing of it was held out. "
      "Unseen concepts: neither the concept nor its words were ever trained on, in any style. ITC "
      "(image-text contrast) compares a picture and a text, each encoded alone, by a cosine; ITM "
      "(image-text matching) looks at both together.");
  add_retrieval(page, "Unseen drawings", scores.unseen_drawings.retrieval);
  add_retrieval(page, "Unseen concepts", scores.unseen_concepts.retrieval);
  Table table;
  table.header = {
      "",      "ITM random pairs", "ITM hard pairs", "head noun right", "different captions",
      "CIDEr", "BLEU-4",           "ROUGE-L",        "LM loss"};
  const auto row = [&](const char* name, const HeldOutScores& s, double loss) {
    table.rows.push_back({name, percent(s.retrieval.itm_accuracy_random),
                          percent(s.retrieval.itm_accuracy_hard), percent(s.captions.noun_accuracy),
                          format_count(s.captions.distinct), percent(100 * s.captions.cider),
                          percent(100 * s.captions.bleu[3]), percent(100 * s.captions.rouge_l),
                          format_number(loss, 3)});
  };
  row("unseen drawings", scores.unseen_drawings, scores.final_lm_loss_drawings);
  row("unseen concepts", scores.unseen_concepts, scores.final_lm_loss_concepts);
  table.caption =
      "Matching accuracy over one positive and one negative pair a picture (50 is guessing), and "
      "the captions of stage 2; all but the LM loss and the number of captions in percent (CIDEr x "
      "100). BLEU-4 counts runs of four words, and few captions here have four.";
  page.table(table);
}

void add_attention(Page& page, const CaptionEvaluation& pictures, const Bundle& bundle) {
  const at::NoGradGuard no_grad;
  std::vector<AttentionRow> rows;
  for (size_t i = 0; i < std::min<size_t>(3, pictures.images.size()); ++i) {
    const MappedFile file(pictures.images[i]);
    const Image image = prepare_image(file.bytes(), pictures.images[i], bundle.transform);
    std::vector<float> pixels = normalise(image, bundle.transform);
    const at::Tensor batch =
        at::from_blob(pixels.data(), {1, 3, image.height, image.width}, at::kFloat);
    const at::Tensor embeds = apply(bundle.stage1->image_norm, encode_images(bundle, batch));
    const at::Tensor weights = cross_attention_maps(bundle.stage1->qformer, embeds, nullptr)
                                   .back()[0]
                                   .mean(0)
                                   .contiguous();  // [Q, P]
    const int side = static_cast<int>(std::lround(std::sqrt(static_cast<double>(weights.size(1)))));
    AttentionRow row;
    row.panels.push_back({encode_png(image), pictures.references[i].front()});
    for (int64_t q = 0; q < 3; ++q) {
      const int64_t query = q * weights.size(0) / 3;
      const std::span<const float> map(weights.const_data_ptr<float>() + query * weights.size(1),
                                       static_cast<size_t>(weights.size(1)));
      const Image heat{image.width, image.height,
                       overlay_heat_map(image.rgb, image.width, image.height, map, side, side)};
      row.panels.push_back({encode_png(heat), fmt::format("query {}", query + 1)});
    }
    rows.push_back(std::move(row));
  }
  page.section("Where queries look");
  page.figure({attention_gallery(rows),
               fmt::format("Cross-attention of three of the {} queries in the last layer that sees "
                           "the picture, averaged over heads; each map is stretched to its own "
                           "range. The first three held-out drawings, not chosen.",
                           bundle.stage1->qformer.query_tokens.size(1))});
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

void add_ablation_and_times(Page& page, const DemoReport& report) {
  const DemoScores& scores = report.scores;
  const double difference = scores.lm_loss_without_stage1 - scores.lm_loss_with_stage1;
  page.section("Stage 2 with and without stage 1");
  page.table({{"held-out LM loss", "with stage 1", "without", "difference"},
              {{fmt::format("after {} stage-2 samples", format_count(scores.ablation_samples)),
                format_number(scores.lm_loss_with_stage1, 3),
                format_number(scores.lm_loss_without_stage1, 3), format_number(difference, 3)}},
              fmt::format("The paper's ablation (Fig. 5), on both held-out sets together: the same "
                          "stage 2, started from stage 1's Q-Former and from one that has only "
                          "BERT's weights. Lower is better: {}",
                          difference > 0 ? "stage 1 helps." : "here stage 1 does not help.")});
  page.section("Times and machine");
  Table table;
  table.header = {"phase", "time"};
  double total = 0;
  for (const auto& [phase, name] : {std::pair{"fetch", "fetching"},
                                    {"features", "image features"},
                                    {"planning", "planning"},
                                    {"stage1", "stage 1"},
                                    {"stage2", "stage 2"},
                                    {"ablation", "ablation"},
                                    {"evaluation", "evaluation"}}) {
    const auto found = scores.seconds.find(phase);
    const double seconds = found == scores.seconds.end() ? 0 : found->second;
    total += seconds;
    table.rows.push_back({name, format_duration(seconds)});
  }
  table.rows.push_back({"all", format_duration(total)});
  page.table(table);
  struct rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  page.paragraph(fmt::format(
      "{}, {} cores; peak memory {:.1f} GB; {} samples in stage 1, {} in stage 2; seed {}.",
      processor_name(), num_physical_cores(), static_cast<double>(usage.ru_maxrss) / 1e6,
      format_count(scores.stage1_samples), format_count(scores.stage2_samples), report.plan.seed));
}

}  // namespace

std::string demo_report_html(const DemoReport& report) {
  const DemoScores& scores = report.scores;
  const RetrievalEvaluation& drawings = scores.unseen_drawings.retrieval;
  Page page("BLIP-2, trained here",
            "A frozen image encoder (EfficientNet-Lite0), a frozen language model (SmolLM2-135M) "
            "and a small Querying Transformer between them, trained in two stages on a few "
            "thousand drawings. Every picture on this page was held out.");
  page.facts({{percent(drawings.itc.txt_r1) + " %", "caption found first for an unseen drawing",
               "chance " + percent(drawings.chance.txt_r1) + " %"},
              {percent(drawings.itc.img_r1) + " %", "drawing found first for a caption",
               "chance " + percent(drawings.chance.img_r1) + " %"},
              {percent(scores.unseen_concepts.retrieval.itc.txt_r10) + " %",
               "caption among the first ten, concepts never trained on",
               "chance " + percent(scores.unseen_concepts.retrieval.chance.txt_r10) + " %"},
              {percent(scores.unseen_drawings.captions.noun_accuracy) + " %",
               "captions with the right head noun", "unseen drawings"}});
  Thumbnails thumbnails(report.stage1->transform);
  page.section("Captions");
  page.subsection("Unseen drawings");
  page.figure(caption_figure(scores.unseen_drawings.captions, kCards, thumbnails));
  page.subsection("Unseen concepts");
  page.figure(caption_figure(scores.unseen_concepts.captions, kCards, thumbnails));
  page.section("Searches");
  page.figure(search_figure(drawings, kSearches, "held-out drawings", thumbnails));
  add_scores(page, scores);
  add_attention(page, scores.unseen_drawings.captions, *report.stage1);
  page.section("Training");
  page.figures(training_figures(report.output, report.plan));
  add_ablation_and_times(page, report);
  page.footer(demo_footer());
  return page.html();
}

}  // namespace blip2
