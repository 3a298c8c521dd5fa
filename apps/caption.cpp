// blip2 caption: what a model says of pictures.
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/generation_arguments.h"
#include "apps/output.h"
#include "apps/picture_options.h"
#include "apps/verb.h"
#include "blip2/base/json_text.h"
#include "blip2/models/bundle.h"
#include "blip2/models/text_writer.h"
#include "blip2/tasks/captioner.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;

Row to_row(const std::string& path, const std::vector<Caption>& captions) {
  Json texts = Json::array(), scores = Json::array(), tokens = Json::array();
  Row row;
  for (const Caption& caption : captions) {
    texts.push_back(caption.text);
    scores.push_back(caption.score);
    tokens.push_back(caption.tokens);
    row.text += (row.text.empty() ? "" : "\n") + columns({path, caption.text});
  }
  const Json json = {{"image", path}, {"captions", texts}, {"scores", scores}, {"tokens", tokens}};
  row.json = json_on_one_line(json);
  return row;
}

struct CaptionVerb {
  std::string model;
  std::optional<std::string> prompt;
  PictureArguments pictures;
  GenerationArguments generation;
  RowWriter rows;

  void add(Options& options) {
    pictures.add(options);
    options.require("--model DIR", model, "directory of the model");
    options.add("--prompt TEXT", prompt, "text that the caption goes on from [the model's own]");
    rows.add(options);
    generation.add(options);
  }

  int run(const GeneralOptions& general) {
    const std::vector<std::string> paths = pictures.paths();
    const OpenModel opened(model, general);
    const Bundle& bundle = opened.bundle;
    opened.expect(can_write(bundle), "that writes texts");
    const Captioner captioner(bundle, generation.over(default_generation_options(bundle, model)),
                              prompt.value_or(bundle.prompt), general.seed_or_default());
    return for_each_batch(pictures, paths, bundle.transform, rows, general,
                          [&](const std::vector<Picture>& batch) {
                            BatchRows result;
                            const auto captions = captioner.caption(batch);
                            for (size_t i = 0; i < batch.size(); ++i) {
                              result.push_back({to_row(batch[i].path, captions.at(i))});
                            }
                            return result;
                          });
  }
};

}  // namespace

Verb caption_verb() { return make_verb<CaptionVerb>("caption", "writes captions of pictures"); }

}  // namespace blip2
