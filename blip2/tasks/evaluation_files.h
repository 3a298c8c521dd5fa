// What an evaluation leaves in its folder: metrics.json, and predictions.json in the form that
// COCO's tools read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "blip2/data/source.h"
#include "blip2/tasks/evaluator.h"

namespace blip2 {

/// Two JSON documents.
struct EvaluationFiles {
  std::string metrics, predictions;
};

/// The number at the end of a COCO picture's name, "val2014/COCO_val2014_000000391895.jpg", as
/// LAVIS takes it for its result files; none where the name does not end in one.
std::optional<int64_t> coco_image_number(const std::filesystem::path& image);

/// A record's "image_id", as JSON: COCO's ids are numbers, others stay texts. In the lists that
/// LAVIS and BLIP share (formats coco_karpathy and blip_json) a picture's name is its id.
std::string image_id_json(const Record& record, const std::string& format);

/// `format` is that of the source. Predictions: [{"image_id", "caption"}], each id once: pictures
/// that would have one number keep their texts, else their paths.
EvaluationFiles evaluation_files(const CaptionEvaluation& result, const std::string& format);

/// LAVIS's names are the re-ranked scores, as LAVIS reports them; ITC's without re-ranking, and for
/// a model without a matching head. Predictions: the ten texts with the greatest cosines to each
/// picture, [{"image", "texts": [{"text", "itc"}]}].
EvaluationFiles evaluation_files(const RetrievalEvaluation& result,
                                 const EvaluationOptions& options);

/// Throws as require_writable() for a folder in which the two files cannot be written.
void require_writable_evaluation(const std::filesystem::path& folder);

/// Writes both files. A full disk is met before either is replaced, because they belong together.
/// Throws kUnavailable.
void write_evaluation(const std::filesystem::path& folder, const EvaluationFiles& files);

}  // namespace blip2
