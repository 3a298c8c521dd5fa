// blip2 zero-shot: chooses the label that fits a picture best.
#include <optional>

#include "apps/open_model.h"
#include "apps/output.h"
#include "apps/picture_options.h"
#include "apps/verb.h"
#include "blip2/models/similarity.h"
#include "blip2/tasks/classifier.h"
#include "blip2/tasks/rows.h"

namespace blip2 {
namespace {

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
                    "labels, a line each in a file or separated by commas; used as they are");
    options.add("--rerank K", rerank,
                "labels with the best ITC that ITM scores again; 0: ITC alone", at_least(0));
    options.add("--max-text-length N", max_text_length,
                "tokens of a label; longer ones are truncated [the model's limit]", at_least(2));
    rows.add(options);
  }

  int run(const GeneralOptions& general) const {
    const std::vector<std::string> paths = pictures.paths();
    const std::vector<std::string> names = read_labels(labels);
    const OpenModel opened(model, general, pictures);
    const Bundle& bundle = opened.bundle;
    opened.expect(has_similarity(bundle),
                  "for image-text retrieval: a stage-1 BLIP-2, a BLIP, a CLIP");
    const Classifier classifier(bundle, names, rerank,
                                max_text_length.value_or(bundle.max_text_length));
    return for_each_batch(
        pictures, paths, bundle.transform, rows, general, [&](const std::vector<Picture>& batch) {
          BatchRows result;
          const auto found = classifier.classify(batch);
          for (size_t i = 0; i < batch.size(); ++i) {
            result.push_back({classification_row(batch[i].path, names, found.at(i))});
          }
          return result;
        });
  }
};

}  // namespace

Verb zero_shot_verb() {
  return make_verb<ZeroShotVerb>("zero-shot", "chooses the label that fits a picture best, by ITC");
}

}  // namespace blip2
