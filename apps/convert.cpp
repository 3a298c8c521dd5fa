// blip2 convert: single-file models into directories that --model and Hugging Face read.
#include "blip2/models/convert.h"

#include "apps/output.h"
#include "apps/verb.h"

namespace blip2 {
namespace {

struct Convert {
  std::string source, target;

  void add(Options& options) {
    options.require("SOURCE", source,
                    "EfficientNet-Lite0 (.pth) or a LLaMA (.gguf): the file, or a folder with one");
    options.require("--to DIR", target, "directory to make; what stood there is replaced");
  }

  int run(const GeneralOptions&) const {
    convert_to_directory(source, target);
    print(target + "\n");
    return 0;
  }
};

}  // namespace

Verb convert_verb() {
  return make_verb<Convert>("convert", "turns a single-file model into a directory");
}

}  // namespace blip2
