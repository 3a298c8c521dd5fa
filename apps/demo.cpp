// blip2 demo: both stages on real pictures, and a page that shows it.
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
    options.add("--output DIR", output, "folder of the run; an interrupted one goes on");
    options.add("--minutes N", minutes,
                "time for everything; becomes numbers of steps [about 35 on 2 cores]", above(0));
    options.add("--assets DIR", assets,
                "what tools/fetch_assets fetched [$BLIP2_ASSETS, else ~/.cache/blip2]");
  }

  int run(const GeneralOptions& general) const {
    if (general.is_bfloat16() || !general.opened.is_cpu()) {
      fail(ErrorCode::kInvalidArgument, "the demo computes on the CPU, in float32");
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
  return make_verb<Demo>("demo", "trains both stages on real pictures and shows what came of it");
}

}  // namespace blip2
