// blip2 match: how well pictures and texts fit, every picture with every text.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "apps/output.h"
#include "apps/picture_options.h"
#include "apps/verb.h"
#include "blip2/base/files.h"
#include "blip2/base/json_text.h"
#include "blip2/image/encode.h"
#include "blip2/models/bundle.h"
#include "blip2/models/similarity.h"
#include "blip2/tasks/matcher.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;

Row to_row(const std::string& path, const std::string& text, const Match& match) {
  Json json = {{"image", path}, {"text", text}, {"itm", nullptr}, {"itm_logits", nullptr}};
  std::vector<std::string> cells = {path, text};
  if (match.itm) {
    json["itm"] = match.itm->probability;
    json["itm_logits"] = match.itm->logits;
    cells.push_back(fmt::format("itm {:.4f}", match.itm->probability));
  }
  json["itc"] = match.itc;
  cells.push_back(fmt::format("itc {:.4f}", match.itc));
  return {json_on_one_line(json), columns(cells)};
}

struct MatchVerb {
  std::string model, attention;
  std::vector<std::string> texts;
  std::optional<int64_t> max_text_length;
  PictureArguments pictures;
  RowWriter rows;

  void add(Options& options) {
    pictures.add(options);
    options.require("--model DIR", model, "directory of the model");
    options.require("--text TEXT...", texts, "texts, taken as they are");
    options.add("--max-text-length N", max_text_length,
                "tokens of a text, the rest is cut [the model's limit]", at_least(2));
    options.add("--attention DIR", attention,
                "folder for heat maps: where the queries look, a PNG for each pair");
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
    const OpenModel opened(model, general);
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
              result[i].push_back(to_row(batch[i].path, texts[text], matches.at(i).at(text)));
            }
            if (!attention.empty()) write_attention(bundle, matcher, batch[i], files);
          }
          return result;
        });
  }
};

}  // namespace

Verb match_verb() {
  return make_verb<MatchVerb>("match", "says how well pictures and texts fit: ITM and ITC");
}

}  // namespace blip2
