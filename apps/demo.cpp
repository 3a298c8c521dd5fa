// blip2 demo: trains both stages on real pictures and writes a page with the results.
#include "blip2/workflows/demo/demo.h"

#include <optional>

#include "apps/verb.h"
#include "blip2/base/error.h"

namespace blip2 {
namespace {

struct Demo {
  std::string output = DemoOptions{}.output.string();
  std::optional<double> minutes;
  std::string assets;

  void add(Options& options) {
    options.add("--output DIR", output, "folder of the run; an interrupted run resumes");
    options.add("--minutes N", minutes,
                "time for the whole demo, which becomes numbers of steps [about 35 on 2 cores]",
                above(0));
    options.add("--assets DIR", assets,
                "folder that tools/fetch_assets filled [$BLIP2_ASSETS, else ~/.cache/blip2]");
  }

  int run(const GeneralOptions& general) const {
    if (general.dtype_or_default() != "float32" || !general.opened.is_cpu()) {
      fail(ErrorCode::kInvalidArgument,
           "demo: expected --device cpu and --dtype float32, found --device {} and --dtype {}",
           general.device, general.dtype_or_default());
    }
    DemoOptions options;
    options.output = output;
    options.minutes = minutes;
    options.assets = assets.empty() ? default_assets() : std::filesystem::path(assets);
    options.seed = general.seed_or_default();
    run_demo(options);
    return 0;
  }
};

}  // namespace

Verb demo_verb() {
  return make_verb<Demo>("demo", "trains both stages on real pictures and shows the results");
}

}  // namespace blip2
