// Turns the results of an evaluation into JSON, with COCO's rules for ids, and writes them.
#include "blip2/tasks/evaluation_files.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <vector>

#include "blip2/base/files.h"
#include "blip2/base/json_text.h"

namespace blip2 {
namespace {
using OrderedJson = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr size_t kNumBestTexts = 10;

OrderedJson image_id(const Record& record, const std::string& format) {
  const std::string& id = record.image_id;
  const bool is_number =
      !id.empty() && id.size() < 19 && id.find_first_not_of("0123456789") == std::string::npos;
  if (is_number) return std::stoll(id);
  if (format == "coco_karpathy" || format == "blip_json") {
    if (const std::optional<int64_t> number = coco_image_number(record.image)) return *number;
  }
  return id.empty() ? record.key : id;
}

OrderedJson to_json(const RetrievalScores& scores) {
  OrderedJson json;
  for (const auto& [name, value] : named_scores(scores)) json[std::string(name)] = value;
  return json;
}

/// The texts with the greatest cosines to a picture, best first.
OrderedJson best_texts(const RetrievalEvaluation& result, int64_t image) {
  const size_t width = static_cast<size_t>(result.num_texts);
  const float* const row = result.similarity.data() + static_cast<size_t>(image) * width;
  std::vector<size_t> order(width);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [row](size_t a, size_t b) { return row[a] > row[b]; });
  OrderedJson texts = OrderedJson::array();
  for (size_t i = 0; i < std::min(kNumBestTexts, width); ++i) {
    texts.push_back({{"text", result.texts[order[i]]}, {"itc", row[order[i]]}});
  }
  return texts;
}

/// The pictures' ids, all different.
std::vector<OrderedJson> image_ids(const std::vector<Record>& pictures, const std::string& format) {
  std::map<std::string, int64_t> counts;
  for (const Record& picture : pictures) ++counts[image_id_json(picture, format)];
  std::vector<OrderedJson> ids;
  for (const Record& picture : pictures) {
    const bool is_unique = counts[image_id_json(picture, format)] == 1;
    const std::string own = picture.image_id.empty() ? picture.image.string() : picture.image_id;
    ids.push_back(is_unique ? image_id(picture, format) : OrderedJson(own));
  }
  return ids;
}

fs::path metrics_path(const fs::path& folder) { return folder / "metrics.json"; }
fs::path predictions_path(const fs::path& folder) { return folder / "predictions.json"; }

}  // namespace

std::optional<int64_t> coco_image_number(const fs::path& image) {
  const std::string stem = image.stem().string();
  const std::string digits = stem.substr(stem.rfind('_') + 1);  // the whole, if there is no '_'
  if (digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc()) return std::nullopt;  // no digit, or too many
  return number;
}

std::string image_id_json(const Record& record, const std::string& format) {
  return json_on_one_line(image_id(record, format));
}

EvaluationFiles evaluation_files(const CaptionEvaluation& result, const std::string& format) {
  const std::vector<OrderedJson> ids = image_ids(result.pictures, format);
  OrderedJson predictions = OrderedJson::array();
  for (size_t i = 0; i < result.captions.size(); ++i) {
    predictions.push_back({{"image_id", ids[i]}, {"caption", result.captions[i]}});
  }
  const OrderedJson metrics = {{"Bleu_1", result.bleu[0]},
                               {"Bleu_2", result.bleu[1]},
                               {"Bleu_3", result.bleu[2]},
                               {"Bleu_4", result.bleu[3]},
                               {"ROUGE_L", result.rouge_l},
                               {"CIDEr", result.cider},
                               {"noun_accuracy", result.noun_accuracy},
                               {"distinct", result.distinct},
                               {"num_images", result.images.size()},
                               {"num_failed", result.num_failed}};
  return {json_document(metrics), json_document(predictions)};
}

EvaluationFiles evaluation_files(const RetrievalEvaluation& result,
                                 const EvaluationOptions& options) {
  const bool is_reranked = options.rerank > 0 && result.has_matching;
  OrderedJson metrics = to_json(is_reranked ? result.reranked : result.itc);
  metrics["itc"] = to_json(result.itc);
  metrics["chance"] = to_json(result.chance);
  if (result.has_matching) {
    metrics["itm_accuracy_random"] = result.itm_accuracy_random;
    metrics["itm_accuracy_hard"] = result.itm_accuracy_hard;
  }
  metrics["num_images"] = result.num_images;
  metrics["num_texts"] = result.num_texts;
  metrics["num_failed"] = result.num_failed;
  OrderedJson predictions = OrderedJson::array();
  for (int64_t i = 0; i < result.num_images; ++i) {
    predictions.push_back(
        {{"image", result.images[static_cast<size_t>(i)]}, {"texts", best_texts(result, i)}});
  }
  return {json_document(metrics), json_document(predictions)};
}

void require_writable_evaluation(const fs::path& folder) {
  require_writable(metrics_path(folder));
  require_writable(predictions_path(folder));
}

void write_evaluation(const fs::path& folder, const EvaluationFiles& files) {
  AtomicFile metrics(metrics_path(folder));
  AtomicFile predictions(predictions_path(folder));
  metrics.write(files.metrics);
  predictions.write(files.predictions);
  predictions.commit();
  metrics.commit();
}

}  // namespace blip2
