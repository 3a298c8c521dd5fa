// blip2 embed: writes features of pictures and texts to a tensor file.
#include <fmt/ranges.h>

#include <optional>

#include "apps/open_model.h"
#include "apps/output.h"
#include "apps/picture_options.h"
#include "apps/verb.h"
#include "blip2/base/log.h"
#include "blip2/tasks/embedder.h"
#include "blip2/tasks/feature_spool.h"
#include "blip2/tasks/input_texts.h"
#include "blip2/tasks/rows.h"
#include "blip2/tasks/text_list.h"

namespace blip2 {
namespace {

struct EmbedVerb {
  std::string model, features, output;
  std::vector<std::string> texts;
  std::optional<int64_t> max_text_length;
  PictureArguments pictures;
  RowWriter rows;

  void add(Options& options) {
    pictures.add(options, PictureArguments::Presence::kOptional);
    options.require("--model DIR", model, "directory of the model");
    options.require("--features LIST", features,
                    fmt::format("features to write, separated by commas: {}",
                                fmt::join(feature_names(), ", ")));
    options.require("--output FILE.safetensors", output,
                    "file to write: a tensor of each feature, with a row for each input");
    options.add("--text TEXT...", texts,
                "a text for each picture, or texts for one picture; used as they are");
    options.add("--max-text-length N", max_text_length,
                "tokens of a text; longer ones are truncated [the model's limit]", at_least(2));
    rows.add(options);
    options.footer(
        "A failed input has no row in the tensors. The rows on stdout say which input each row "
        "is.");
  }

  int run(const GeneralOptions& general) const {
    const std::vector<std::string> paths = pictures.paths();
    const InputTexts paired(texts, paths.size());
    const OpenModel opened(model, general, pictures);
    const Bundle& bundle = opened.bundle;
    const Embedder embedder(bundle, split_names(features),
                            max_text_length.value_or(bundle.max_text_length));
    FeatureSpool spool(output);
    int64_t next_row = 0;
    const auto embed = [&](const std::vector<Picture>& batch,
                           const std::vector<std::string>& said) {
      for (const FeatureRows& feature : embedder.embed(batch, said)) spool.append(feature);
    };
    if (paths.empty()) {  // texts alone
      embed({}, texts);
      for (const std::string& text : texts) rows.write(feature_row("", &text, next_row++));
      spool.finish();
      return 0;
    }
    const int status = for_each_batch(
        pictures, paths, bundle.transform, rows, general, [&](const std::vector<Picture>& batch) {
          BatchRows result(batch.size());
          const std::vector<std::string> said = paired.of(batch);
          embed(batch, said);
          for (size_t i = 0; i < paired.num_inputs(batch); ++i) {
            const size_t picture = paired.picture_of(i);
            result[picture].push_back(
                feature_row(batch[picture].path, said.empty() ? nullptr : &said[i], next_row++));
          }
          return result;
        });
    if (next_row > 0) {
      spool.finish();
    } else {
      log_warning("{}: not written: no picture could be read", output);
    }
    return status;
  }
};

}  // namespace

Verb embed_verb() {
  return make_verb<EmbedVerb>("embed", "writes features of pictures and texts to a tensor file");
}

}  // namespace blip2
