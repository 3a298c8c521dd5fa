// blip2 caption: writes captions of pictures.
#include <optional>

#include "apps/generation_arguments.h"
#include "apps/open_model.h"
#include "apps/output.h"
#include "apps/picture_options.h"
#include "apps/verb.h"
#include "blip2/models/text_writer.h"
#include "blip2/tasks/captioner.h"
#include "blip2/tasks/rows.h"

namespace blip2 {
namespace {

struct CaptionVerb {
  std::string model;
  std::optional<std::string> prompt;
  PictureArguments pictures;
  GenerationArguments generation;
  RowWriter rows;

  void add(Options& options) {
    pictures.add(options);
    options.require("--model DIR", model, "directory of the model");
    options.add("--prompt TEXT", prompt,
                "text that each caption continues, not part of it [the model's own]");
    rows.add(options);
    generation.add(options);
  }

  int run(const GeneralOptions& general) {
    const std::vector<std::string> paths = pictures.paths();
    const OpenModel opened(model, general, pictures);
    const Bundle& bundle = opened.bundle;
    opened.expect(can_write(bundle), "that writes texts");
    const Captioner captioner(bundle, generation.over(default_generation_options(bundle, model)),
                              prompt.value_or(bundle.prompt), general.seed_or_default());
    return for_each_batch(pictures, paths, bundle.transform, rows, general,
                          [&](const std::vector<Picture>& batch) {
                            BatchRows result;
                            const auto captions = captioner.caption(batch);
                            for (size_t i = 0; i < batch.size(); ++i) {
                              result.push_back({caption_row(batch[i].path, captions.at(i))});
                            }
                            return result;
                          });
  }
};

}  // namespace

Verb caption_verb() { return make_verb<CaptionVerb>("caption", "writes captions of pictures"); }

}  // namespace blip2
