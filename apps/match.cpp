// blip2 match: scores every picture with every text, by ITM and ITC.
#include <fmt/format.h>

#include <optional>

#include "apps/open_model.h"
#include "apps/output.h"
#include "apps/picture_options.h"
#include "apps/verb.h"
#include "blip2/base/files.h"
#include "blip2/image/encode.h"
#include "blip2/models/similarity.h"
#include "blip2/tasks/matcher.h"
#include "blip2/tasks/rows.h"

namespace blip2 {
namespace {

struct MatchVerb {
  std::string model, attention;
  std::vector<std::string> texts;
  std::optional<int64_t> max_text_length;
  PictureArguments pictures;
  RowWriter rows;

  void add(Options& options) {
    pictures.add(options);
    options.require("--model DIR", model, "directory of the model");
    options.require("--text TEXT...", texts, "texts, used as they are, without a template");
    options.add("--max-text-length N", max_text_length,
                "tokens of a text; longer ones are truncated [the model's limit]", at_least(2));
    options.add("--attention DIR", attention,
                "folder for heat maps of the queries' attention, a PNG for each pair");
    rows.add(options);
  }

  /// Heat maps of one picture: 0003_name_00.png for picture 3 and text 0.
  void write_attention(const Bundle& bundle, const Matcher& matcher, const Picture& picture,
                       PictureFiles& files) const {
    const auto file = files.open(picture.path);
    const Image shown =
        prepare_image(file->bytes(), picture.path, bundle.transform, pictures.decode());
    for (size_t text = 0; text < texts.size(); ++text) {
      const std::string name =
          fmt::format("{:04}_{}_{:02}.png", picture.input,
                      std::filesystem::path(picture.path).stem().string(), text);
      write_file_atomic(std::filesystem::path(attention) / name,
                        encode_png(matcher.attention(picture, shown, text)));
    }
  }

  int run(const GeneralOptions& general) const {
    const std::vector<std::string> paths = pictures.paths();
    const OpenModel opened(model, general, pictures);
    const Bundle& bundle = opened.bundle;
    opened.expect(has_similarity(bundle),
                  "for image-text retrieval: a stage-1 BLIP-2, a BLIP, a CLIP");
    const Matcher matcher(bundle, texts, max_text_length.value_or(bundle.max_text_length));
    if (!attention.empty()) make_directories(attention);
    PictureFiles files;
    return for_each_batch(
        pictures, paths, bundle.transform, rows, general, [&](const std::vector<Picture>& batch) {
          BatchRows result(batch.size());
          const auto matches = matcher.match(batch);
          for (size_t i = 0; i < batch.size(); ++i) {
            for (size_t text = 0; text < texts.size(); ++text) {
              result[i].push_back(match_row(batch[i].path, texts[text], matches.at(i).at(text)));
            }
            if (!attention.empty()) write_attention(bundle, matcher, batch[i], files);
          }
          return result;
        });
  }
};

}  // namespace

Verb match_verb() {
  return make_verb<MatchVerb>("match", "scores how well pictures and texts match, by ITM and ITC");
}

}  // namespace blip2
