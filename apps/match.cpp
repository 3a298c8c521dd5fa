// blip2 match: scores every picture with every text, by ITM and ITC.
#include <fmt/format.h>

#include <optional>

#include "apps/open_model.h"
#include "apps/output.h"
#include "apps/picture_options.h"
#include "apps/verb.h"
#include "blip2/base/error.h"
#include "blip2/base/files.h"
#include "blip2/image/encode.h"
#include "blip2/models/similarity.h"
#include "blip2/tasks/matcher.h"
#include "blip2/tasks/rows.h"
#include "blip2/tasks/usable_texts.h"

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

  /// A text that the model reads.
  struct Usable {
    std::string text;
    size_t place = 0;  // among those given
  };

  /// The texts that can be matched; the others are failures. Throws if there is none.
  std::vector<Usable> usable_texts(const Bundle& bundle, int64_t max_length,
                                   const GeneralOptions& general) const {
    const std::vector<UnusableText> unusable = find_unusable_texts(bundle, texts, max_length);
    if (unusable.size() == texts.size()) throw unusable.front().error;
    auto next = unusable.begin();
    std::vector<Usable> usable;
    for (size_t place = 0; place < texts.size(); ++place) {
      if (next == unusable.end() || next->place != place) {
        usable.push_back({texts[place], place});
      } else {
        rows.write_failure(general, "text", texts[place], next++->error.what());
      }
    }
    return usable;
  }

  /// Heat maps of one picture: 0003_name_00.png for picture 3 and text 0.
  void write_attention(const Matcher& matcher, const Picture& picture, const Image& shown,
                       const std::vector<Usable>& usable) const {
    constexpr size_t kMostBytes = 200;  // a file system takes names of 255
    const std::string stem = std::filesystem::path(picture.path).stem().string();
    for (size_t text = 0; text < usable.size(); ++text) {
      const std::string name = fmt::format("{:04}_{}_{:02}.png", picture.input,
                                           stem.substr(0, kMostBytes), usable[text].place);
      write_file_atomic(std::filesystem::path(attention) / name,
                        encode_png(matcher.attention(picture, shown, text)));
    }
  }

  /// The rows of one picture, or why it has no heat map.
  std::vector<Row> rows_of(const Bundle& bundle, const Matcher& matcher, const Picture& picture,
                           const std::vector<Match>& matches, const std::vector<Usable>& usable,
                           PictureFiles& files) const {
    if (!attention.empty()) {
      Image shown;
      try {  // the file may have gone since it was matched
        shown = prepare_image(files.open(picture.path)->bytes(), picture.path, bundle.transform,
                              pictures.decode());
      } catch (const Error& error) {
        if (error.code() == ErrorCode::kInternal) throw;
        return {failure_row("image", picture.path, error.what())};
      }
      write_attention(matcher, picture, shown, usable);
    }
    std::vector<Row> result;
    for (size_t text = 0; text < usable.size(); ++text) {
      result.push_back(match_row(picture.path, usable[text].text, matches.at(text)));
    }
    return result;
  }

  int run(const GeneralOptions& general) const {
    const std::vector<std::string> paths = pictures.paths();
    const OpenModel opened(model, general, pictures);
    const Bundle& bundle = opened.bundle;
    opened.expect(has_similarity(bundle),
                  "for image-text retrieval: a stage-1 BLIP-2, a BLIP, a CLIP");
    const int64_t max_length = max_text_length.value_or(bundle.max_text_length);
    const std::vector<Usable> usable = usable_texts(bundle, max_length, general);
    std::vector<std::string> matched;
    for (const Usable& one : usable) matched.push_back(one.text);
    const Matcher matcher(bundle, matched, max_length);
    if (!attention.empty()) make_directories(attention);
    PictureFiles files;
    const int status = for_each_batch(
        pictures, paths, bundle.transform, rows, general, [&](const std::vector<Picture>& batch) {
          BatchRows result;
          const auto matches = matcher.match(batch);
          for (size_t i = 0; i < batch.size(); ++i) {
            result.push_back(rows_of(bundle, matcher, batch[i], matches.at(i), usable, files));
          }
          return result;
        });
    return usable.size() == texts.size() ? status : 3;
  }
};

}  // namespace

Verb match_verb() {
  return make_verb<MatchVerb>("match", "scores how well pictures and texts match, by ITM and ITC");
}

}  // namespace blip2
