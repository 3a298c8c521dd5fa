// Examples are read back from the job's output; nothing is computed by a model.
#include "blip2/workflows/capfilt/report.h"

#include <algorithm>
#include <vector>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/progress.h"
#include "blip2/data/image_bytes.h"
#include "blip2/data/shards/shard.h"
#include "blip2/data/sources/json_record.h"
#include "blip2/data/sources/mapped_lines.h"
#include "blip2/image/encode.h"
#include "blip2/image/resize.h"
#include "blip2/report/curves.h"
#include "blip2/report/gallery.h"
#include "blip2/report/markup.h"
#include "blip2/report/page.h"
#include "blip2/workflows/capfilt/record.h"

namespace blip2 {
namespace fs = std::filesystem;
namespace {

constexpr int kLongerSide = 192;  // pixels of a picture on the page

std::string thumbnail(const Record& record, const DecodeOptions& decoding) {
  const ImageBytes file(record);
  const Image image = decode(file.bytes(), record.image.string(), decoding);
  const double scale = static_cast<double>(kLongerSide) / std::max(image.width, image.height);
  if (scale >= 1) return encode_png(image);
  const auto scaled = [&](int side) { return std::max(1, static_cast<int>(side * scale)); };
  return encode_png(resize(image, scaled(image.width), scaled(image.height)));
}

/// A picture of the output with its candidates.
struct Example {
  Record record;
  CapFiltResult result;
};

/// The picture at `place` among those that a shard kept.
Example read_example(const CapFiltFolder& folder, int64_t shard, const std::string& name,
                     int64_t place) {
  std::error_code error;
  if (fs::exists(folder.captions(shard), error)) {
    const MappedLines rows(folder.captions(shard));
    const std::string row(rows.line(place));
    return {parse_json_record(row, rows.where(place), {.images = folder.root()}),
            parse_candidates(row, rows.where(place))};
  }
  const Shard tar(folder.tar(name));
  return {tar.picture(place),
          parse_candidates(std::string(tar.fields(place)), tar.picture(place).image.string())};
}

CandidateCard to_card(const Example& example, const DecodeOptions& decoding) {
  CandidateCard card{thumbnail(example.record, decoding), example.record.key, {}};
  for (const CaptionCandidate& candidate : example.result.candidates) {
    const bool is_web = candidate.source == CaptionCandidate::Source::kWeb;
    card.rows.push_back({candidate.text, is_web ? "web" : "drawn", candidate.score, candidate.kept,
                         candidate.dropped_by});
  }
  return card;
}

std::vector<CandidateCard> choose_examples(const CapFiltFolder& folder,
                                           const CapFiltOutcome& outcome,
                                           const DecodeOptions& decoding, int64_t wanted) {
  std::vector<CandidateCard> cards;
  const int64_t count = std::min(wanted, outcome.counts.kept);
  int64_t shard = 0, before = 0;  // pictures that the shards before this one kept
  for (int64_t i = 0; i < count; ++i) {
    const int64_t place = i * outcome.counts.kept / count;
    ShardState state = folder.read_state(shard);
    for (; place >= before + state.counts.kept; state = folder.read_state(++shard)) {
      before += state.counts.kept;
    }
    cards.push_back(to_card(read_example(folder, shard, state.shard, place - before), decoding));
  }
  return cards;
}

Curve score_curve(const std::string& label, const ScoreHistogram& scores, size_t first,
                  size_t last) {
  Curve curve{label, {}, {}};
  const auto total = static_cast<double>(std::max<int64_t>(1, scores.total()));
  for (size_t bin = first; bin <= last; ++bin) {
    curve.x.push_back(ScoreHistogram::score_of(bin));
    curve.y.push_back(100 * static_cast<double>(scores.counts[bin]) / total);
  }
  return curve;
}

/// Both histograms over the bins that either fills, and one more bin at each end.
Figure score_figure(const CapFiltCounts& counts) {
  size_t first = ScoreHistogram::kBins, last = 0;
  for (size_t bin = 0; bin < ScoreHistogram::kBins; ++bin) {
    if (counts.web_scores.counts[bin] + counts.synthetic_scores.counts[bin] == 0) continue;
    first = std::min(first, bin);
    last = std::max(last, bin);
  }
  first = first == 0 ? 0 : first - 1;
  last = std::min(last + 1, ScoreHistogram::kBins - 1);
  CurveChart chart;
  chart.title = "similarity of captions to their pictures";
  chart.x_label = "cosine of the ranker";
  chart.y_label = "% of the captions";
  chart.curves = {score_curve("web", counts.web_scores, first, last),
                  score_curve("drawn", counts.synthetic_scores, first, last)};
  chart.y_from_zero = true;
  chart.smoothing = 0;
  return {curve_svg(chart), "All candidates, in steps of 0.02."};
}

std::string share(int64_t part, int64_t whole) {
  if (whole == 0) return "";
  return format_number(100 * static_cast<double>(part) / static_cast<double>(whole), 1) + " %";
}

Table records_table(const CapFiltCounts& counts) {
  Table table{{"pictures", "number", "share"}, {}};
  const auto row = [&](const std::string& name, int64_t number) {
    table.rows.push_back({name, format_count(number), share(number, counts.records)});
  };
  row("in the input", counts.records);
  row("kept", counts.kept);
  row("opted out", counts.opt_out);
  row("duplicate", counts.duplicate);
  row("near duplicate", counts.near_duplicate);
  row("no caption passed", counts.no_caption);
  row("failed", counts.failed);
  return table;
}

Table candidates_table(const CapFiltCounts& counts) {
  Table table{{"captions", "number", "kept", "share"}, {}};
  const auto row = [&](const std::string& name, int64_t number, int64_t kept) {
    table.rows.push_back({name, format_count(number), format_count(kept), share(kept, number)});
  };
  row("web", counts.web_candidates, counts.web_kept);
  row("drawn", counts.synthetic_candidates, counts.synthetic_kept);
  return table;
}

Table rules_table(const CapFiltCounts& counts) {
  Table table{{"captions dropped by", "number"}, {}};
  table.rows.push_back({"rank", format_count(counts.dropped_by_rank)});
  table.rows.push_back({"similarity", format_count(counts.dropped_by_similarity)});
  table.rows.push_back({"match", format_count(counts.dropped_by_match)});
  table.rows.push_back({"duplicate", format_count(counts.dropped_by_duplicate)});
  return table;
}

}  // namespace

void write_capfilt_report(const fs::path& path, const CapFiltFolder& folder,
                          const CapFiltOutcome& outcome, const DecodeOptions& decoding,
                          int64_t num_examples) {
  const CapFiltCounts& counts = outcome.counts;
  Page page("Captions before and after",
            fmt::format("CapFilt on {} pictures in {} shards: captions are drawn, ranked with the "
                        "web's own by image-text similarity, and the best are kept.",
                        format_count(counts.records), format_count(outcome.num_shards)));
  page.facts({{format_count(counts.kept), "pictures kept", share(counts.kept, counts.records)},
              {share(counts.web_kept, counts.web_kept + counts.synthetic_kept),
               "of the kept captions are the web's", ""},
              {format_duration(outcome.seconds), "of work", "all workers added up"}});
  page.section("Examples");
  page.paragraph("All candidates of a picture, best score first; those that are kept are marked.");
  page.figure({candidate_gallery(choose_examples(folder, outcome, decoding, num_examples))});
  page.section("Scores");
  page.figure(score_figure(counts));
  page.section("Counts");
  page.table(records_table(counts));
  page.table(candidates_table(counts));
  page.table(rules_table(counts));
  page.footer(fmt::format("blip2 {}, job {}", BLIP2_VERSION, folder.root().string()));
  write_file_atomic(path, page.html());
}

}  // namespace blip2
