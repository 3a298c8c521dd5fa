// blip2 tokenize: what a text becomes before a model reads it.
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "apps/output.h"
#include "apps/verb.h"
#include "blip2/base/error.h"
#include "blip2/base/json_text.h"
#include "blip2/models/bundle.h"

namespace blip2 {
namespace {
using Json = nlohmann::ordered_json;

struct Tokenize {
  std::vector<std::string> texts;
  std::string model, tokenizer = "text";
  RowWriter rows;

  void add(Options& options) {
    options.require("TEXT...", texts, "texts, taken as they are");
    options.require("--model DIR", model, "directory of the model");
    options.add("--tokenizer WHICH", tokenizer,
                "the language model's, or the Q-Former's; a stage-1 model has the latter alone",
                one_of({"text", "qformer"}));
    rows.add(options);
  }

  int run(const GeneralOptions&) const {
    const Bundle bundle = load_bundle(model);
    const bool has_text = bundle.text_tokenizer != nullptr;
    const Tokenizer* const chosen = tokenizer == "text" && has_text
                                        ? bundle.text_tokenizer.get()
                                        : bundle.qformer_tokenizer.get();
    if (chosen == nullptr) {
      fail(ErrorCode::kUnsupported, "--tokenizer qformer: the Q-Former of {} reads no text", model);
    }
    for (const std::string& text : texts) {
      const std::vector<int64_t> ids = chosen->encode(text);
      std::vector<std::string> pieces;
      for (const int64_t id : ids) pieces.push_back(chosen->piece(id));
      const Json json = {{"text", text}, {"ids", ids}, {"pieces", pieces}};
      rows.write({json_on_one_line(json), columns({text, fmt::format("{}", fmt::join(ids, " ")),
                                                   fmt::format("{}", fmt::join(pieces, " "))})});
    }
    return 0;
  }
};

}  // namespace

Verb tokenize_verb() {
  return make_verb<Tokenize>("tokenize", "shows the ids and pieces that texts become");
}

}  // namespace blip2
