// blip2 embed: writes features of pictures and texts to a tensor file.
#include <fmt/ranges.h>

#include <optional>

#include "apps/open_model.h"
#include "apps/output.h"
#include "apps/picture_options.h"
#include "apps/verb.h"
#include "blip2/base/error.h"
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
    const auto add = [&](const std::vector<FeatureRows>& rows_of_each) {
      for (const FeatureRows& feature : rows_of_each) spool.append(feature);
    };
    int status = 0;
    if (paths.empty()) {  // texts alone
      const auto reasons = embed_each(embedder, {}, texts, texts.size(), add);
      for (size_t i = 0; i < texts.size(); ++i) {
        if (reasons[i].empty()) {
          rows.write(feature_row("", &texts[i], next_row++));
        } else {
          rows.write_failure(general, "text", texts[i], reasons[i]);
          status = 3;
        }
      }
    } else {
      status = for_each_batch(
          pictures, paths, bundle.transform, rows, general, [&](const std::vector<Picture>& batch) {
            BatchRows result(batch.size());
            const std::vector<std::string> said = paired.of(batch);
            const size_t inputs = paired.num_inputs(batch);
            const auto reasons = embed_each(embedder, batch, said, inputs, add);
            for (size_t i = 0; i < inputs; ++i) {
              const size_t picture = paired.picture_of(i);
              const std::string& path = batch[picture].path;
              result[picture].push_back(
                  reasons[i].empty()
                      ? feature_row(path, said.empty() ? nullptr : &said[i], next_row++)
                      : failure_row("image", path, reasons[i]));
            }
            return result;
          });
    }
    if (next_row > 0) {
      spool.finish();
    } else {
      log_warning("{}: not written: no input could be read", output);
    }
    return status;
  }

 private:
  /// Embeds a batch, or where one of its inputs is refused, each alone. The reason of each input
  /// that has no rows; empty of the others.
  template <typename Add>
  static std::vector<std::string> embed_each(const Embedder& embedder,
                                             const std::vector<Picture>& batch,
                                             const std::vector<std::string>& said, size_t inputs,
                                             const Add& add) {
    std::vector<std::string> reasons(inputs);
    try {
      add(embedder.embed(batch, said));
      return reasons;
    } catch (const Error& error) {  // what is refused without a text is no fault of an input
      if (said.empty() || error.code() != ErrorCode::kInvalidArgument) throw;
    }
    for (size_t i = 0; i < inputs; ++i) {
      const std::vector<Picture> own =
          batch.size() == inputs ? std::vector{batch[i]} : batch;  // one picture for all, or none
      try {
        add(embedder.embed(own, {said[i]}));
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kInvalidArgument) throw;
        embedder.embed(own, {"a"});  // throws for options that no text would do with
        reasons[i] = error.what();
      }
    }
    return reasons;
  }
};

}  // namespace

Verb embed_verb() {
  return make_verb<EmbedVerb>("embed", "writes features of pictures and texts to a tensor file");
}

}  // namespace blip2
