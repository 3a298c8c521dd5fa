// blip2 evaluate: scores a model on a data set, and writes its predictions.
#include <fmt/ranges.h>

#include <filesystem>
#include <optional>

#include "apps/generation_arguments.h"
#include "apps/open_model.h"
#include "apps/output.h"
#include "apps/picture_options.h"
#include "apps/verb.h"
#include "blip2/base/error.h"
#include "blip2/base/progress.h"
#include "blip2/base/quote.h"
#include "blip2/data/open_source.h"
#include "blip2/models/similarity.h"
#include "blip2/models/text_writer.h"
#include "blip2/tasks/captioner.h"
#include "blip2/tasks/evaluation_files.h"
#include "blip2/tasks/evaluator.h"

namespace blip2 {
namespace {

struct Evaluate {
  std::string config, model, task, format = "jsonl", images, output = "evaluation";
  std::vector<std::string> data, splits;
  std::string image_key, caption_key, separator;
  std::optional<std::string> prompt;
  EvaluationOptions evaluation;
  PictureArguments pictures;
  GenerationArguments generation;

  void add(Options& options) {
    options.add("CONFIG.yaml", config, "not in this version: give --model, --task and --data");
    options.add("--model DIR", model, "directory of the model (required)");
    options.add("--task caption|retrieval", task, "what to score (required)");
    options.add(
        "--data FILE...", data,
        "annotation files; with --format folder or imagefolder, a folder of pictures (required)");
    options.add("--format FORM", format, "format of the annotations", one_of(source_formats()));
    options.add("--images DIR", images,
                "folder that picture paths start from [the annotations' folder]");
    options.add("--split NAME...", splits,
                "splits of a coco_karpathy file, such as test [train and restval]");
    options.add("--img-key NAME", image_key,
                "field or column that names the picture [the format's own]");
    options.add("--caption-key NAME", caption_key,
                "field or column of the caption [the format's own]");
    options.add("--separator CHAR", separator,
                "csv: what is between two columns [as in its first line]");
    options.add("--output DIR", output, "folder to write metrics.json and predictions.json to");
    options.add("--batch-size N", evaluation.batch_size, "pictures in a batch", between(1, 65536));
    options.add("--rerank K", evaluation.rerank,
                "retrieval: results of a query that ITM ranks again; 0: none", at_least(0));
    options.add("--max-text-length N", evaluation.max_text_length,
                "retrieval: tokens of a text; longer ones are truncated", at_least(2));
    options.add("--prompt TEXT", prompt,
                "captions: text that each caption continues [the model's own]");
    pictures.add_decoding(options);
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
    require_writable_evaluation(output);
    const OpenModel opened(model, general, pictures);
    const Bundle& bundle = opened.bundle;
    if (task == "caption") {
      opened.expect(can_write(bundle), "that writes texts");
    } else {
      opened.expect(has_similarity(bundle),
                    "for image-text retrieval: a stage-1 BLIP-2, a BLIP, a CLIP");
    }
    Progress progress("evaluation", source->size(), "records");
    evaluation.decode = pictures.decode();
    evaluation.seed = general.seed_or_default();
    evaluation.progress = [&progress](int64_t records) { progress.advance(records); };
    int status = 0;
    evaluation.failed = [&](const std::string& name, const std::string& reason) {
      report_error(general, failure_row("image", name, reason).error);
      status = 3;
    };
    const EvaluationFiles files =
        task == "caption"
            ? captions(bundle, *source)
            : evaluation_files(evaluate_retrieval(bundle, *source, evaluation), evaluation);
    write_evaluation(output, files);
    print(files.metrics);
    return status;
  }

  std::unique_ptr<Source> open_data() const {
    SourceConfig source{"--data", format, {}, images};
    source.splits = splits;
    source.image_key = image_key;
    source.caption_key = caption_key;
    source.separator = separator;
    std::error_code ignored;
    const bool is_folder = std::filesystem::is_directory(data.front(), ignored);
    if (format == "folder" || (format == "imagefolder" && is_folder)) {
      source.images = data.front();
    } else {
      source.annotations.assign(data.begin(), data.end());
    }
    return open_source(source);
  }

  EvaluationFiles captions(const Bundle& bundle, const Source& source) const {
    const GenerationOptions options = generation.over(default_generation_options(bundle, model));
    const CaptionEvaluation result =
        evaluate_captions(bundle, source, options, prompt.value_or(bundle.prompt), evaluation);
    return evaluation_files(result, format);
  }
};

}  // namespace

Verb evaluate_verb() {
  return make_verb<Evaluate>("evaluate", "scores a model on a data set: captions or retrieval");
}

}  // namespace blip2
