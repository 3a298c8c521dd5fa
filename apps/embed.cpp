// blip2 embed: the numbers inside a model, as tensors in a file.
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "apps/output.h"
#include "apps/picture_options.h"
#include "apps/verb.h"
#include "blip2/base/error.h"
#include "blip2/base/json_text.h"
#include "blip2/base/log.h"
#include "blip2/models/bundle.h"
#include "blip2/tasks/embedder.h"
#include "blip2/tasks/feature_spool.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;

std::vector<std::string> split_list(const std::string& list) {
  std::vector<std::string> names;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    if (end > begin) names.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

Row to_row(const std::string& path, const std::string* text, int64_t row) {
  Json json = {{"image", path.empty() ? Json() : Json(path)}, {"row", row}};
  if (text != nullptr) json["text"] = *text;
  std::vector<std::string> cells = {std::to_string(row), path};
  if (text != nullptr) cells.push_back(*text);
  return {json_on_one_line(json), columns(cells)};
}

struct EmbedVerb {
  std::string model, features, output;
  std::vector<std::string> texts;
  std::optional<int64_t> max_text_length;
  PictureArguments pictures;
  RowWriter rows;

  void add(Options& options) {
    pictures.add(options, PictureArguments::Presence::kOptional);
    options.require("--model DIR", model, "directory of the model");
    options.require(
        "--features LIST", features,
        fmt::format("what to write, with commas between: {}", fmt::join(feature_names(), ", ")));
    options.require("--output FILE.safetensors", output, "the tensors: a row for each input");
    options.add("--text TEXT...", texts,
                "a text for each picture, or texts for one picture; taken as they are");
    options.add("--max-text-length N", max_text_length,
                "tokens of a text, the rest is cut [the model's limit]", at_least(2));
    rows.add(options);
    options.footer(
        "A failed input has no row in the tensors; the rows on stdout say which input each is.");
  }

  int run(const GeneralOptions& general) const {
    const std::vector<std::string> paths = pictures.paths();
    const bool one_for_all = paths.size() == 1 && !texts.empty();
    if (!texts.empty() && !paths.empty() && !one_for_all && paths.size() != texts.size()) {
      fail(ErrorCode::kInvalidArgument,
           "--text: expected as many texts as pictures ({}), or one picture; found {} texts",
           paths.size(), texts.size());
    }
    const OpenModel opened(model, general);
    const Bundle& bundle = opened.bundle;
    const Embedder embedder(bundle, split_list(features),
                            max_text_length.value_or(bundle.max_text_length));
    FeatureSpool spool(output);
    int64_t next_row = 0;
    const auto embed = [&](const std::vector<Picture>& batch,
                           const std::vector<std::string>& said) {
      for (const FeatureRows& feature : embedder.embed(batch, said)) spool.append(feature);
    };
    if (paths.empty()) {  // texts alone
      embed({}, texts);
      for (const std::string& text : texts) rows.write(to_row("", &text, next_row++));
      spool.finish();
      return 0;
    }
    const int status = for_each_batch(
        pictures, paths, bundle.transform, rows, general, [&](const std::vector<Picture>& batch) {
          BatchRows result(batch.size());
          std::vector<std::string> said = one_for_all ? texts : std::vector<std::string>();
          for (const Picture& picture : batch) {
            if (!texts.empty() && !one_for_all) said.push_back(texts[picture.input]);
          }
          embed(batch, said);
          const size_t inputs = one_for_all ? texts.size() : batch.size();
          for (size_t i = 0; i < inputs; ++i) {
            const size_t picture = one_for_all ? 0 : i;
            result[picture].push_back(
                to_row(batch[picture].path, said.empty() ? nullptr : &said[i], next_row++));
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
