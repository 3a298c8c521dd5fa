// blip2 evaluate: a model's scores on a data set, and its predictions beside them.
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "apps/generation_arguments.h"
#include "apps/output.h"
#include "apps/verb.h"
#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/base/json_text.h"
#include "blip2/base/progress.h"
#include "blip2/base/quote.h"
#include "blip2/data/open_source.h"
#include "blip2/models/bundle.h"
#include "blip2/models/similarity.h"
#include "blip2/models/writing.h"
#include "blip2/tasks/captioner.h"
#include "blip2/tasks/evaluator.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

Json to_json(const RetrievalScores& scores) {
  Json json;
  for (const auto& [name, value] : named_scores(scores)) json[std::string(name)] = value;
  return json;
}

/// COCO's ids are numbers; others stay texts. In the lists that LAVIS and BLIP share, coco_karpathy
/// and blip_json, a picture's name is its id.
Json image_id(const Record& record, const std::string& format) {
  const std::string& id = record.image_id;
  const bool is_number =
      !id.empty() && id.size() < 19 && id.find_first_not_of("0123456789") == std::string::npos;
  if (is_number) return std::stoll(id);
  if (format == "coco_karpathy" || format == "blip_json") {
    if (const std::optional<int64_t> number = coco_image_number(record.image)) return *number;
  }
  return id;
}

struct Evaluate {
  std::string config, model, task, format = "jsonl", images, output = "evaluation";
  std::vector<std::string> data;
  std::optional<std::string> prompt;
  EvaluationOptions evaluation;
  GenerationArguments generation;

  void add(Options& options) {
    options.add("CONFIG.yaml", config, "not in this version: give --model, --task and --data");
    options.add("--model DIR", model, "directory of the model (required)");
    options.add("--task caption|retrieval", task, "what is scored (required)");
    options.add("--data FILE...", data, "annotations; with --format folder: the folder (required)");
    options.add("--format FORM", format, "form of the annotations", one_of(source_formats()));
    options.add("--images DIR", images, "root of the pictures [the annotations' folder]");
    options.add("--output DIR", output, "folder for metrics.json and predictions.json");
    options.add("--batch-size N", evaluation.batch_size, "pictures at a time", between(1, 65536));
    options.add("--rerank K", evaluation.rerank,
                "retrieval: candidates of a query that ITM ranks again; 0: none", at_least(0));
    options.add("--max-text-length N", evaluation.max_text_length, "retrieval: tokens of a text",
                at_least(2));
    options.add("--prompt TEXT", prompt, "captions: text to go on from [the model's own]");
    generation.add(options);
  }

  int run(const GeneralOptions& general) {
    if (!config.empty() || task == "vqa") {
      fail(ErrorCode::kInvalidArgument, "evaluate {}: not in this version",
           config.empty() ? "--task vqa" : config);
    }
    if (!task.empty() && task != "caption" && task != "retrieval") {
      fail(ErrorCode::kInvalidArgument, "--task: expected caption, retrieval, found {}",
           quote(task));
    }
    if (model.empty() || task.empty() || data.empty()) {
      fail(ErrorCode::kInvalidArgument, "evaluate: {} is required",
           model.empty()  ? "--model"
           : task.empty() ? "--task"
                          : "--data");
    }
    const std::unique_ptr<Source> source = open_data();
    if (source->size() == 0) {
      fail(ErrorCode::kInvalidArgument, "--data: {}: no records in it", fmt::join(data, ", "));
    }
    require_writable(fs::path(output) / "metrics.json");
    require_writable(fs::path(output) / "predictions.json");
    const OpenModel opened(model, general);
    const Bundle& bundle = opened.bundle;
    if (task == "caption") {
      opened.expect(can_write(bundle), "that writes texts");
    } else {
      opened.expect(has_similarity(bundle),
                    "for image-text retrieval: a stage-1 BLIP-2, a BLIP, a CLIP");
    }
    Progress progress("evaluation", source->size(), "pictures");
    evaluation.seed = general.seed_or_default();
    evaluation.progress = [&progress](int64_t pictures) { progress.advance(pictures); };
    Json predictions = Json::array();
    const Json metrics = task == "caption" ? captions(bundle, *source, predictions)
                                           : retrieval(bundle, *source, predictions);
    const auto pretty = [](const Json& json) { return json_document(json); };
    // A full disk is met before either is replaced: the two belong together.
    AtomicFile metrics_file(fs::path(output) / "metrics.json");
    AtomicFile predictions_file(fs::path(output) / "predictions.json");
    metrics_file.write(pretty(metrics));
    predictions_file.write(pretty(predictions));
    predictions_file.commit();
    metrics_file.commit();
    print(pretty(metrics));
    return 0;
  }

  std::unique_ptr<Source> open_data() const {
    SourceConfig source{"--data", format, {}, images};
    if (format == "folder") {
      source.images = data.front();
    } else {
      source.annotations.assign(data.begin(), data.end());
    }
    return open_source(source);
  }

  Json captions(const Bundle& bundle, const Source& source, Json& predictions) {
    const CaptionEvaluation result = evaluate_captions(
        bundle, source, generation.over(default_generation_options(bundle, model)),
        prompt.value_or(bundle.prompt), evaluation);
    for (size_t i = 0; i < result.captions.size(); ++i) {
      const Record record = source.record(static_cast<int64_t>(i));
      predictions.push_back(
          {{"image_id", image_id(record, format)}, {"caption", result.captions[i]}});
    }
    return {{"Bleu_1", result.bleu[0]},
            {"Bleu_2", result.bleu[1]},
            {"Bleu_3", result.bleu[2]},
            {"Bleu_4", result.bleu[3]},
            {"ROUGE_L", result.rouge_l},
            {"CIDEr", result.cider},
            {"noun_accuracy", result.noun_accuracy},
            {"distinct", result.distinct},
            {"num_images", result.images.size()}};
  }

  /// The names of LAVIS are the re-ranked scores, as LAVIS reports them; without re-ranking, and
  /// for a model without a matching head, ITC's.
  Json retrieval(const Bundle& bundle, const Source& source, Json& predictions) const {
    const RetrievalEvaluation result = evaluate_retrieval(bundle, source, evaluation);
    Json json =
        to_json(evaluation.rerank > 0 && result.has_matching ? result.reranked : result.itc);
    json["itc"] = to_json(result.itc);
    json["chance"] = to_json(result.chance);
    if (result.has_matching) {
      json["itm_accuracy_random"] = result.itm_accuracy_random;
      json["itm_accuracy_hard"] = result.itm_accuracy_hard;
    }
    json["num_images"] = result.num_images;
    json["num_texts"] = result.num_texts;
    for (int64_t i = 0; i < result.num_images; ++i) {
      predictions.push_back(
          {{"image", result.images[static_cast<size_t>(i)]}, {"texts", best_texts(result, i)}});
    }
    return json;
  }

  /// The ten texts with the greatest cosines to a picture, best first.
  static Json best_texts(const RetrievalEvaluation& result, int64_t image) {
    const size_t width = static_cast<size_t>(result.num_texts);
    const float* const row = result.similarity.data() + static_cast<size_t>(image) * width;
    std::vector<size_t> order(width);
    for (size_t i = 0; i < width; ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [row](size_t a, size_t b) { return row[a] > row[b]; });
    Json texts = Json::array();
    for (size_t i = 0; i < std::min<size_t>(10, width); ++i) {
      texts.push_back({{"text", result.texts[order[i]]}, {"itc", row[order[i]]}});
    }
    return texts;
  }
};

}  // namespace

Verb evaluate_verb() {
  return make_verb<Evaluate>("evaluate", "scores a model on a data set: captions or retrieval");
}

}  // namespace blip2
