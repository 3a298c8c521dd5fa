// blip2 report: compares training runs on one HTML page.
#include "blip2/train/records/report.h"

#include "apps/output.h"
#include "apps/verb.h"
#include "blip2/base/files.h"

namespace blip2 {
namespace {

struct Report {
  std::vector<std::string> runs;
  std::string output = "report.html";

  void add(Options& options) {
    options.require("RUN...", runs, "folders of runs, as train wrote them (run.output_dir)");
    options.add("--output FILE.html", output, "page to write");
  }

  int run(const GeneralOptions&) const {
    require_writable(output);
    write_file_atomic(output, run_report({runs.begin(), runs.end()}));
    print(output + "\n");
    return 0;
  }
};

}  // namespace

Verb report_verb() {
  return make_verb<Report>("report", "draws the curves of training runs on one HTML page");
}

}  // namespace blip2
