// blip2 tokenize: prints the ids and pieces that a model reads of a text.
#include "apps/output.h"
#include "apps/verb.h"
#include "blip2/base/error.h"
#include "blip2/models/bundle.h"
#include "blip2/tasks/rows.h"

namespace blip2 {
namespace {

struct Tokenize {
  std::vector<std::string> texts;
  std::string model, tokenizer = "text";
  RowWriter rows;

  void add(Options& options) {
    options.require("TEXT...", texts, "texts, used as they are");
    options.require("--model DIR", model, "directory of the model");
    options.add("--tokenizer WHICH", tokenizer,
                "whose tokenizer: text, of the language model, or qformer; a stage-1 model has "
                "only the latter",
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
      fail(ErrorCode::kUnsupported,
           "--tokenizer qformer: {}: expected a Q-Former that reads text, found one without",
           model);
    }
    for (const std::string& text : texts) {
      const std::vector<int64_t> ids = chosen->encode(text);
      std::vector<std::string> pieces;
      for (const int64_t id : ids) pieces.push_back(chosen->piece(id));
      rows.write(token_row(text, ids, pieces));
    }
    return 0;
  }
};

}  // namespace

Verb tokenize_verb() {
  return make_verb<Tokenize>("tokenize", "prints the ids and pieces of texts");
}

}  // namespace blip2
