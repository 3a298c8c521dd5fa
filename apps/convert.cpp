// blip2 convert: turns files of other programs into directories that --model and Hugging Face read.
#include "blip2/models/convert.h"

#include "apps/output.h"
#include "apps/verb.h"
#include "blip2/train/convert_snapshot.h"

namespace blip2 {
namespace {

struct Convert {
  std::string source, target, base, names = "hugging-face";

  void add(Options& options) {
    options.require(
        "SOURCE", source,
        "a checkpoint of LAVIS, BLIP or EfficientNet-Lite0 (.pth), or of a LLaMA (.gguf), as "
        "a file or a folder with one; or checkpoints/step-NNNNNNNNN of a training run");
    options.require("--to DIR", target, "directory to write; an older model there is replaced");
    options.add("--base DIR", base,
                "directory of a model of the same class, which gives a LAVIS or BLIP file its "
                "configuration, tokenizer and frozen parts");
    options.add("--names WHOSE", names,
                "names of the tensors; with lavis, SOURCE is a directory and --to a file",
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
  return make_verb<Convert>("convert",
                            "converts files of other programs into a model directory, or back");
}

}  // namespace blip2
