// blip2 convert: other programs' files into directories that --model and Hugging Face read.
#include "blip2/models/convert.h"

#include "apps/output.h"
#include "apps/verb.h"
#include "blip2/train/convert_snapshot.h"

namespace blip2 {
namespace {

struct Convert {
  std::string source, target, base, names = "hugging-face";

  void add(Options& options) {
    options.require("SOURCE", source,
                    "a file of LAVIS or BLIP (.pth), EfficientNet-Lite0 (.pth) or a LLaMA (.gguf): "
                    "the file, or a folder with one; or a run's checkpoints/step-NNNNNNNNN");
    options.require("--to DIR", target, "directory to make; an older model there is replaced");
    options.add("--base DIR", base,
                "for a file of LAVIS or BLIP: a model of the class that it becomes, for the "
                "configuration, the tokenizer and the frozen parts");
    options.add("--names WHOSE", names,
                "how tensors are called; with lavis, SOURCE is a directory and --to a file",
                one_of({"hugging-face", "lavis"}));
  }

  int run(const GeneralOptions&) const {
    if (is_snapshot(source)) {
      if (!base.empty() || names != "hugging-face") {
        fail(ErrorCode::kInvalidArgument,
             "{}: a snapshot knows its frozen parts: expected neither --base nor --names", source);
      }
      convert_snapshot(source, target);
      print(target + "\n");
      return 0;
    }
    convert_to_directory(
        source, target,
        {.base = base,
         .names = names == "lavis" ? WeightNames::kLavis : WeightNames::kHuggingFace});
    print(target + "\n");
    return 0;
  }
};

}  // namespace

Verb convert_verb() {
  return make_verb<Convert>("convert", "turns other programs' files into a directory, or back");
}

}  // namespace blip2
