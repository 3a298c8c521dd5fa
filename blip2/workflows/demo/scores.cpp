// Scores as JSON and as text, and the file of phase times.
#include "blip2/workflows/demo/scores.h"

#include <nlohmann/json.hpp>

#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/json_text.h"

namespace blip2 {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
namespace {

Json recalls(const RetrievalScores& scores) {
  return {
      {"image_to_text", {{"r1", scores.txt_r1}, {"r5", scores.txt_r5}, {"r10", scores.txt_r10}}},
      {"text_to_image", {{"r1", scores.img_r1}, {"r5", scores.img_r5}, {"r10", scores.img_r10}}}};
}

Json held_out(const HeldOutScores& scores) {
  const RetrievalEvaluation& retrieval = scores.retrieval;
  const CaptionEvaluation& captions = scores.captions;
  return {{"n", retrieval.num_images},
          {"itc", recalls(retrieval.itc)},
          {"reranked", recalls(retrieval.reranked)},
          {"itm_accuracy_random", retrieval.itm_accuracy_random},
          {"itm_accuracy_hard", retrieval.itm_accuracy_hard},
          {"captions",
           {{"cider", 100 * captions.cider},
            {"bleu4", 100 * captions.bleu[3]},
            {"rouge_l", 100 * captions.rouge_l},
            {"distinct", captions.distinct},
            {"noun_accuracy", captions.noun_accuracy}}}};
}

std::string text_of(const std::string& title, const HeldOutScores& scores) {
  const RetrievalEvaluation& r = scores.retrieval;
  const CaptionEvaluation& c = scores.captions;
  const auto line = [](const char* name, const RetrievalScores& s) {
    return fmt::format(
        "  {:<10} image to text {:5.1f} {:5.1f} {:5.1f}   text to image {:5.1f} {:5.1f} {:5.1f}\n",
        name, s.txt_r1, s.txt_r5, s.txt_r10, s.img_r1, s.img_r5, s.img_r10);
  };
  return fmt::format("{} ({} pictures)\n  R@1, R@5, R@10 in percent\n", title, r.num_images) +
         line("ITC", r.itc) + line("re-ranked", r.reranked) + line("chance", r.chance) +
         fmt::format("  ITM accuracy: random pairs {:.1f}, hard pairs {:.1f}\n",
                     r.itm_accuracy_random, r.itm_accuracy_hard) +
         fmt::format(
             "  captions: head noun right {:.1f}, {} different, CIDEr {:.1f}, BLEU-4 {:.1f}, "
             "ROUGE-L {:.1f}\n",
             c.noun_accuracy, c.distinct, 100 * c.cider, 100 * c.bleu[3], 100 * c.rouge_l);
}

}  // namespace

std::string scores_json(const DemoScores& scores) {
  Json seconds = Json::object();
  for (const char* phase : {"fetch", "features", "stage1", "stage2", "ablation", "evaluation"}) {
    const auto found = scores.seconds.find(phase);
    seconds[phase] = found == scores.seconds.end() ? 0.0 : found->second;
  }
  const Json json = {
      {"unseen_concepts", held_out(scores.unseen_concepts)},
      {"unseen_drawings", held_out(scores.unseen_drawings)},
      {"ablation",
       {{"lm_loss_with_stage1", scores.lm_loss_with_stage1},
        {"lm_loss_without_stage1", scores.lm_loss_without_stage1}}},
      {"seconds", seconds},
      {"samples", {{"stage1", scores.stage1_samples}, {"stage2", scores.stage2_samples}}}};
  return json_document(json);
}

std::string scores_text(const DemoScores& scores) {
  return text_of("unseen drawings of known concepts", scores.unseen_drawings) +
         text_of("unseen concepts", scores.unseen_concepts) +
         fmt::format(
             "held-out LM loss after {} stage-2 samples: {:.3f} with stage 1, {:.3f} without\n",
             scores.ablation_samples, scores.lm_loss_with_stage1, scores.lm_loss_without_stage1);
}

PhaseTimes::PhaseTimes(fs::path path) : path_(std::move(path)) {
  if (!fs::exists(path_)) return;
  const Json json = Json::parse(read_file(path_), nullptr, false);
  if (!json.is_object()) {
    fail(ErrorCode::kCorruptData, "{}: expected an object of seconds; remove the file",
         path_.string());
  }
  for (const auto& [phase, value] : json.items()) {
    if (value.is_number()) seconds_[phase] = value.get<double>();
  }
}

double PhaseTimes::total() const {
  double sum = 0;
  for (const auto& [phase, seconds] : seconds_) sum += seconds;
  return sum;
}

void PhaseTimes::add(const std::string& phase, double seconds) {
  seconds_[phase] += seconds;
  write_file_atomic(path_, json_document(Json(seconds_)));
}

}  // namespace blip2
