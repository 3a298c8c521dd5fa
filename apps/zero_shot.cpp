// blip2 zero-shot: which of a list of labels fits a picture best.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "apps/output.h"
#include "apps/picture_options.h"
#include "apps/verb.h"
#include "blip2/base/json_text.h"
#include "blip2/models/bundle.h"
#include "blip2/models/similarity.h"
#include "blip2/tasks/classifier.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;

Row to_row(const std::string& path, const std::vector<std::string>& labels,
           const Classification& found) {
  Json all = Json::object();
  for (size_t i = 0; i < labels.size(); ++i) all[labels[i]] = found.probabilities[i];
  const std::string& label = labels[found.best];
  const double probability = found.probabilities[found.best];
  const Json json = {
      {"image", path}, {"label", label}, {"probability", probability}, {"labels", all}};
  return {json_on_one_line(json), columns({path, label, fmt::format("{:.4f}", probability)})};
}

struct ZeroShotVerb {
  std::string model, labels;
  int64_t rerank = 0;
  std::optional<int64_t> max_text_length;
  PictureArguments pictures;
  RowWriter rows;

  void add(Options& options) {
    pictures.add(options);
    options.require("--model DIR", model, "directory of the model");
    options.require("--labels FILE|A,B,C", labels,
                    "labels, a line each or with commas between; taken as they are");
    options.add("--rerank K", rerank, "labels that ITM chooses among, best by ITC [0: ITC alone]",
                at_least(0));
    options.add("--max-text-length N", max_text_length,
                "tokens of a label, the rest is cut [the model's limit]", at_least(2));
    rows.add(options);
  }

  int run(const GeneralOptions& general) const {
    const std::vector<std::string> paths = pictures.paths();
    const std::vector<std::string> names = read_labels(labels);
    const OpenModel opened(model, general);
    const Bundle& bundle = opened.bundle;
    opened.expect(has_similarity(bundle),
                  "for image-text retrieval: a stage-1 BLIP-2, a BLIP, a CLIP");
    const Classifier classifier(bundle, names, rerank,
                                max_text_length.value_or(bundle.max_text_length));
    return for_each_batch(pictures, paths, bundle.transform, rows, general,
                          [&](const std::vector<Picture>& batch) {
                            BatchRows result;
                            const auto found = classifier.classify(batch);
                            for (size_t i = 0; i < batch.size(); ++i) {
                              result.push_back({to_row(batch[i].path, names, found.at(i))});
                            }
                            return result;
                          });
  }
};

}  // namespace

Verb zero_shot_verb() {
  return make_verb<ZeroShotVerb>("zero-shot", "says which of a list of labels fits a picture best");
}

}  // namespace blip2
